//! `cargo xtask demo`: servers under the same load, stopped, and what became of each request.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{flags, step, workspace::Workspace};

/// What the columns of the table mean.
const WORDS: &str = "
  answered  the client got the right answer, complete
  rejected  the server answered that it did not run the request: the client may send it again
  refused   the client got no connection and sent nothing: it may connect again
  lost      the client cannot know whether the request ran

  The rows are kinds of clients; `burst` is 64 connections opened at the moment of SIGTERM.
";

/// The columns of each server.
const COLUMNS: [&str; 4] = ["answered", "rejected", "refused", "lost"];
const WIDTHS: [usize; 4] = [9, 9, 8, 7];

impl flags::Demo {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let servers = Server::chosen(self.only.as_deref())?;
        run(sh, self.runs.unwrap_or(1), &servers)
    }
}

/// A server that is stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Server {
    /// Stock axum with its own graceful shutdown.
    Stock,
    /// The demo server, on lameduck as a whole.
    Ours,
    /// Stock axum with lameduck's listener and layer.
    Wrapped,
}

impl Server {
    /// The servers that the demo shows by default.
    pub(crate) const DEFAULT: [Self; 2] = [Self::Stock, Self::Ours];

    fn chosen(only: Option<&str>) -> Result<Vec<Self>> {
        match only {
            None => Ok(Self::DEFAULT.to_vec()),
            Some("ours") => Ok(vec![Self::Ours]),
            Some("wrapped") => Ok(vec![Self::Wrapped]),
            Some("stock") => Ok(vec![Self::Stock]),
            Some(other) => bail!("`--only {other}`: write ours, wrapped or stock"),
        }
    }

    const fn binary(self) -> &'static str {
        match self {
            Self::Stock => "stock-axum",
            Self::Ours => "demo-server",
            Self::Wrapped => "wrapped-axum",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock axum",
            Self::Ours => "lameduck",
            Self::Wrapped => "lameduck around stock axum",
        }
    }
}

/// The counts of one server's requests.
struct Tally {
    server: Server,
    /// Whether it lost nothing and ended as expected.
    is_passed: bool,
    /// The scenarios in the order of the report, each with its counts.
    rows: Vec<(String, [u64; COLUMNS.len()])>,
}

/// Stops each server so many times under the same load, and prints one table.
///
/// # Errors
///
/// If a server with lameduck loses a request. A stock server is expected to.
pub(crate) fn run(sh: &Shell, runs: u32, servers: &[Server]) -> Result<()> {
    if !cfg!(unix) {
        bail!("the demo sends SIGTERM, which only Unix has");
    }
    let names = servers.iter().map(|server| server.name()).collect::<Vec<_>>().join(" and ");
    println!(
        "Builds the drill and the servers: about a minute the first time, seconds after that.\n\
         Then stops {names}, each under the load of 64 clients.\n\
         Number of stops of each: {runs}. A stop takes about 10 s."
    );
    // Not optimised: that builds fastest, and a slow server has more requests in flight to lose.
    let programs = Workspace::load(sh)?.target.join("debug");
    let features = "lameduck-drill/cli";
    let binaries = servers.iter().flat_map(|server| ["--bin", server.binary()]);
    step::run(cmd!(
        sh,
        "cargo build --package demo-server --package lameduck-drill --features {features}
         --bin lameduck-drill {binaries...}"
    ))?;
    let drill = programs.join("lameduck-drill");
    let runs = &runs.to_string();
    let mut tallies = Vec::new();
    for server in servers {
        let program = programs.join(server.binary());
        eprintln!("\n{}", server.name());
        // The exit code is 1 if requests were lost, which the report says too.
        let stops = cmd!(sh, "{drill} --json --runs {runs} -- {program}").ignore_status();
        let report = serde_json::from_str(&stops.read()?).context("the drill did not begin")?;
        tallies.push(Tally::parse(*server, &report)?);
    }
    println!("\n{}{WORDS}\n{}", table(&tallies), verdict(&tallies));
    match tallies.iter().find(|tally| tally.server != Server::Stock && !tally.is_passed) {
        Some(failed) => bail!("{} did not pass", failed.server.name()),
        None => Ok(()),
    }
}

impl Tally {
    /// Reads the report of the drill, and adds up its runs.
    fn parse(server: Server, report: &Value) -> Result<Self> {
        let mut rows: Vec<(String, [u64; COLUMNS.len()])> = Vec::new();
        for run in report["runs"].as_array().context("no runs")? {
            for row in run["by_scenario"].as_array().context("no scenarios")? {
                let name = row["name"].as_str().context("a scenario without a name")?;
                let counts = COLUMNS.map(|column| row["counts"][column].as_u64().unwrap_or(0));
                match rows.iter_mut().find(|(known, _)| known == name) {
                    Some((_, sum)) => sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n),
                    None => rows.push((name.to_owned(), counts)),
                }
            }
        }
        Ok(Self { server, is_passed: report["passed"] == true, rows })
    }

    fn total(&self) -> [u64; COLUMNS.len()] {
        std::array::from_fn(|column| self.rows.iter().map(|(_, counts)| counts[column]).sum())
    }

    fn row(&self, name: &str) -> [u64; COLUMNS.len()] {
        let row = self.rows.iter().find(|(known, _)| known == name);
        row.map_or([0; COLUMNS.len()], |(_, counts)| *counts)
    }
}

/// One row for each scenario, with the columns of all servers side by side.
fn table(tallies: &[Tally]) -> String {
    let titles = tallies.iter().map(|tally| format!("{:^33}", tally.server.name()));
    let columns: String = COLUMNS.iter().zip(WIDTHS).map(|(c, w)| format!("{c:>w$}")).collect();
    let mut text = line("", titles) + &line("", tallies.iter().map(|_| columns.clone()));
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in tallies.iter().flat_map(|tally| &tally.rows) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    for name in names {
        text += &line(name, tallies.iter().map(|tally| cells(tally.row(name))));
    }
    text + &line("all", tallies.iter().map(|tally| cells(tally.total())))
}

fn cells(counts: [u64; COLUMNS.len()]) -> String {
    counts.iter().zip(WIDTHS).map(|(count, width)| format!("{count:>width$}")).collect()
}

fn line(name: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: String = cells.map(|cells| format!(" |{cells}")).collect();
    format!("  {name:<15}{}\n", cells.trim_end())
}

/// One sentence: who lost how many of how many.
fn verdict(tallies: &[Tally]) -> String {
    let mut tallies: Vec<&Tally> = tallies.iter().collect();
    // lameduck first, whatever the order in the table.
    tallies.sort_by_key(|tally| tally.server == Server::Stock);
    let lost = tallies.iter().map(|tally| {
        let [.., lost] = tally.total();
        let sent: u64 = tally.total().iter().sum();
        format!("{} lost {lost} of {sent} requests", tally.server.name())
    });
    lost.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(server: Server, lost: u64) -> Tally {
        let row = |name: &str, lost: u64| {
            serde_json::json!({ "name": name, "counts": {
                "answered": 5, "rejected": 2, "refused": 1, "lost": lost,
            } })
        };
        let run = serde_json::json!({ "by_scenario": [row("keep_alive", 0), row("sse", lost)] });
        let report = serde_json::json!({ "passed": lost == 0, "runs": [run, run] });
        Tally::parse(server, &report).unwrap()
    }

    #[test]
    fn by_default_stock_axum_and_lameduck_are_shown_in_one_table() {
        let servers = Server::chosen(None).unwrap();
        assert_eq!(servers, [Server::Stock, Server::Ours]);
        let text = table(&[tally(Server::Stock, 7), tally(Server::Ours, 0)]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains("stock axum") && lines[0].contains("lameduck"), "{text}");
        assert_eq!(lines[1].matches("lost").count(), 2, "{text}");
        let sse: Vec<_> = lines[3].split_whitespace().collect();
        assert_eq!(sse, ["sse", "|", "10", "4", "2", "14", "|", "10", "4", "2", "0"], "{text}");
        assert!(lines.iter().all(|line| line.len() <= 100), "{text}");
    }

    #[test]
    fn the_verdict_names_both_servers_and_their_losses() {
        let verdict = verdict(&[tally(Server::Stock, 7), tally(Server::Ours, 0)]);
        assert_eq!(verdict, "lameduck lost 0 of 32 requests; stock axum lost 14 of 46 requests");
    }

    #[test]
    fn one_server_alone_can_be_named_and_another_word_is_an_error() {
        assert_eq!(Server::chosen(Some("wrapped")).unwrap(), [Server::Wrapped]);
        let error = Server::chosen(Some("plain")).unwrap_err().to_string();
        assert!(error.contains("ours, wrapped or stock"), "{error}");
    }
}
