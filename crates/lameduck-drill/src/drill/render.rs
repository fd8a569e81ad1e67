//! The verdict, for people and for programs.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::{Value, json};

use super::{DrillReport, paint::Paint};
use crate::{Counts, Kind, LossReason, Verdict};

/// Reasons of losses that are shown.
const SHOWN: usize = 12;

/// Writes what one drill found.
pub(super) fn report(f: &mut dyn fmt::Write, report: &DrillReport, paint: Paint) -> fmt::Result {
    table(f, &report.verdict, paint)?;
    writeln!(f)?;
    for phase in report.phases() {
        let began = paint.faint(format!("from {}", millis(phase.began)));
        writeln!(f, "  {:<22}{:>12}   {began}", phase.name, millis(phase.took))?;
    }
    writeln!(f, "  {:<22}{:>12}", "SIGTERM to exit", millis(report.signal_to_exit))?;
    if let Some(lag) = report.last_answer_to_exit {
        writeln!(f, "  {:<22}{:>12}", "last answer to exit", millis(lag))?;
    }
    writeln!(f, "  {:<22}{:>12}", "exit code", exit(report))?;
    writeln!(f)?;
    sum(f, &report.verdict, paint)?;
    if !report.was_signalled {
        writeln!(f, "  {}", paint.bad("the program ended before SIGTERM was sent"))?;
    }
    if report.was_killed {
        writeln!(f, "  {}", paint.bad("the program did not end in time and was killed"))?;
    } else if report.exit_code != Some(report.expected_exit_code) {
        let expected = report.expected_exit_code;
        let text = format!("the program was to end with exit code {expected}");
        writeln!(f, "  {}", paint.bad(text))?;
    }
    Ok(())
}

/// Writes the counts of each kind.
pub(super) fn table(f: &mut dyn fmt::Write, verdict: &Verdict, paint: Paint) -> fmt::Result {
    let names = format!(
        "  {:<16}{:>9}{:>10}{:>10}{:>9}{:>6}",
        "", "sent", "answered", "rejected", "refused", "lost"
    );
    writeln!(f, "{}", paint.faint(names))?;
    for (kind, counts) in &verdict.by_kind {
        row(f, kind.name(), *counts, paint)?;
    }
    row(f, "all", verdict.total, paint)
}

fn row(f: &mut dyn fmt::Write, name: &str, counts: Counts, paint: Paint) -> fmt::Result {
    let Counts { sent, answered, rejected, refused, lost } = counts;
    write!(f, "  {name:<16}{sent:>9}{answered:>10}{rejected:>10}{refused:>9}")?;
    let lost = format!("{lost:>6}");
    if counts.lost > 0 { writeln!(f, "{}", paint.bad(lost)) } else { writeln!(f, "{lost}") }
}

/// Writes the sum, and what was lost.
pub(super) fn sum(f: &mut dyn fmt::Write, verdict: &Verdict, paint: Paint) -> fmt::Result {
    let Counts { sent, answered, rejected, refused, lost } = verdict.total;
    write!(f, "  sent {sent} = {answered} answered + {rejected} rejected + {refused} refused")?;
    if lost == 0 {
        writeln!(f)?;
        return if answered == 0 {
            writeln!(f, "  {}", paint.bad("nothing was answered"))
        } else {
            writeln!(f, "  {}", paint.good("lost 0"))
        };
    }
    writeln!(f, " + {lost} lost")?;
    writeln!(f, "  {}", paint.bad(format!("lost {lost}")))?;
    let mut reasons: BTreeMap<(Kind, String), u64> = BTreeMap::new();
    for loss in &verdict.losses {
        *reasons.entry((loss.kind, reason_class(loss.reason))).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((kind, reason), count) in reasons.into_iter().take(SHOWN) {
        writeln!(f, "  {count:>6}  {:<16}{reason}", kind.name())?;
    }
    Ok(())
}

/// Reasons that differ only in an offset are one.
fn reason_class(reason: LossReason) -> String {
    match reason {
        LossReason::TruncatedBody { received: 0 } => "closed before the body".to_owned(),
        LossReason::TruncatedBody { .. } => "closed inside the body".to_owned(),
        LossReason::WrongBody { .. } => "wrong body".to_owned(),
        other => other.to_string(),
    }
}

/// The same as JSON.
pub(super) fn to_json(report: &DrillReport) -> Value {
    let counts = |counts: &Counts| {
        let Counts { sent, answered, rejected, refused, lost } = *counts;
        json!({
            "sent": sent,
            "answered": answered,
            "rejected": rejected,
            "refused": refused,
            "lost": lost,
        })
    };
    let by_kind = report.verdict.by_kind.iter();
    let phases = report.phases().into_iter().map(|phase| {
        let (began, took) = (phase.began.as_millis() as u64, phase.took.as_millis() as u64);
        json!({ "name": phase.name, "began_ms": began, "took_ms": took })
    });
    let losses = report.verdict.losses.iter().map(|loss| {
        json!({
            "kind": loss.kind.name(),
            "reason": loss.reason.to_string(),
            "began_ms": loss.began.as_millis() as u64,
            "ended_ms": loss.ended.as_millis() as u64,
        })
    });
    json!({
        "passed": report.is_passed(),
        "total": counts(&report.verdict.total),
        "by_kind": by_kind.map(|(kind, row)| (kind.name().to_owned(), counts(row)))
            .collect::<serde_json::Map<_, _>>(),
        "losses": losses.collect::<Vec<_>>(),
        "phases": phases.collect::<Vec<_>>(),
        "signal_to_exit_ms": report.signal_to_exit.as_millis() as u64,
        "last_answer_to_exit_ms": report.last_answer_to_exit.map(|lag| lag.as_millis() as u64),
        "exit_code": report.exit_code,
        "killed": report.was_killed,
    })
}

fn exit(report: &DrillReport) -> String {
    match report.exit_code {
        Some(code) => code.to_string(),
        None if report.was_killed => "killed".to_owned(),
        None => "by a signal".to_owned(),
    }
}

fn millis(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1000.0)
}
