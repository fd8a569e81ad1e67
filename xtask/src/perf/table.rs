//! The rows for a reader, for a program, for the README and for the page of costs.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use xshell::Shell;

use super::rows::{Gate, Row};
use crate::readme::between;

/// Between these two lines of a page stands the table.
const MARKS: [&str; 2] = ["<!-- perf -->", "<!-- /perf -->"];
/// The page that has the promises, and the one that has every row.
const README: &str = "README.md";
const COSTS: &str = "docs/costs.md";

/// A table with a heading for each group.
pub(super) fn text(rows: &[Row]) -> String {
    let mut out = format!(
        "{:<34}{:>10}{:>10}{:>9}  {:<10}\n",
        "per request, over bare", "peer", "lameduck", "ratio", "promise"
    );
    let mut group = "";
    for row in rows {
        if row.group != group {
            group = row.group;
            out.push_str(&format!("\n{group}\n"));
        }
        let verdict = match (row.gate, row.is_kept()) {
            (Gate::Shown | Gate::Open, _) => "",
            (_, true) => "ok",
            (_, false) => "MISSED",
        };
        out.push_str(&format!(
            "  {:<32}{:>10}{:>10}{:>9}  {:<10}{verdict}\n",
            row.what,
            number(row.peer),
            number(row.ours),
            ratio(row),
            promise(row.gate),
        ));
    }
    out
}

/// One object for each row.
pub(super) fn json(rows: &[Row]) -> Value {
    rows.iter()
        .map(|row| {
            let Row { group, what, peer, ours, gate } = row;
            let (most_ratio, most) = match gate {
                Gate::Ratio(most) => (Some(most), None),
                Gate::AtMost(most) => (None, Some(most)),
                Gate::Shown | Gate::Open => (None, None),
            };
            json!({
                "group": group, "what": what, "peer": peer, "ours": ours,
                "ratio": row.ratio(), "most_ratio": most_ratio, "most": most,
                "kept": row.is_kept(),
            })
        })
        .collect()
}

/// Writes the promises into the root README, and every row into the page of costs.
pub(super) fn bless(sh: &Shell, method: &str, rows: &[Row]) -> Result<()> {
    let promises = rows.iter().filter(|row| row.gate != Gate::Open);
    write(sh, README, &markdown(promises))?;
    let all = format!("```text\n{method}\n```\n\n{}", markdown(rows.iter()));
    write(sh, COSTS, &all)
}

fn write(sh: &Shell, path: &str, table: &str) -> Result<()> {
    let page = between(&sh.read_file(path)?, MARKS, table)
        .with_context(|| format!("{path} has no {} and {}", MARKS[0], MARKS[1]))?;
    sh.write_file(path, page)?;
    Ok(())
}

fn markdown<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut out =
        "| per request | theirs | ours | ratio | promised |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let (job, peers) = row.group.split_once(": ").unwrap_or((row.group, ""));
        let (peer, ours) = peers.split_once(" | ").unwrap_or((peers, ""));
        // A bar within a cell would end it.
        let what = row.what.replace('|', "/");
        out.push_str(&format!(
            "| {job}, {what} | {}, {peer} | {}, {ours} | {} | {} |\n",
            number(row.peer),
            number(row.ours),
            ratio(row),
            promise(row.gate),
        ));
    }
    out
}

fn number(value: f64) -> String {
    // Below ten, counts per request: a thousandth matters.
    if value.abs() < 10.0 && value.fract() != 0.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.0}")
    }
}

fn ratio(row: &Row) -> String {
    if row.peer > 0.0 { format!("{:.3}x", row.ratio()) } else { "-".to_owned() }
}

fn promise(gate: Gate) -> String {
    match gate {
        Gate::Ratio(most) => format!("<= {most:.2}x"),
        Gate::AtMost(most) => format!("<= {most:.0}"),
        Gate::Shown | Gate::Open => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_heading_for_each_group_and_a_verdict_for_each_promise() {
        let row = |group, ours, gate| Row { group, what: "w", peer: 200.0, ours, gate };
        let rows = [
            row("a: theirs | ours", 20.0, Gate::Ratio(0.10)),
            row("a: theirs | ours", 0.5, Gate::AtMost(0.0)),
            row("b", 1.0, Gate::Shown),
        ];
        let text = text(&rows);
        let words: Vec<Vec<_>> =
            text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[2], ["w", "200", "20", "0.100x", "<=", "0.10x", "ok"]);
        assert_eq!(words[3], ["w", "200", "0.500", "0.003x", "<=", "0", "MISSED"]);
        assert_eq!(words[6], ["w", "200", "1", "0.005x"]);
        assert_eq!(text.matches("theirs | ours").count(), 1);
        let markdown = markdown(rows.iter());
        assert!(markdown.contains("| a, w | 200, theirs | 20, ours | 0.100x | <= 0.10x |\n"));
        assert_eq!(markdown.lines().count(), 5);
    }
}
