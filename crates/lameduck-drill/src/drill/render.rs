//! A report for people.

use std::{borrow::Cow, collections::BTreeMap, fmt, time::Duration};

use anstyle::Style;

use super::report::DrillReport;
use crate::{Counts, LossReason, Verdict};

/// How many reasons of losses are shown.
const SHOWN: usize = 12;

/// The styles of a report. Whether the terminal shows them is decided where it is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Styles {
    good: Style,
    bad: Style,
    faint: Style,
}

impl Styles {
    pub(crate) const PLAIN: Self =
        Self { good: Style::new(), bad: Style::new(), faint: Style::new() };

    #[cfg(feature = "cli")]
    pub(crate) const COLOURED: Self = Self {
        good: anstyle::AnsiColor::Green.on_default().bold(),
        bad: anstyle::AnsiColor::Red.on_default().bold(),
        faint: Style::new().dimmed(),
    };

    pub(crate) fn good(self, text: impl fmt::Display) -> impl fmt::Display {
        styled(self.good, text)
    }

    pub(crate) fn bad(self, text: impl fmt::Display) -> impl fmt::Display {
        styled(self.bad, text)
    }

    pub(crate) fn faint(self, text: impl fmt::Display) -> impl fmt::Display {
        styled(self.faint, text)
    }
}

fn styled(style: Style, text: impl fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

impl fmt::Display for DrillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        report(f, self, Styles::PLAIN)
    }
}

/// Writes the result of one drill.
pub(crate) fn report(f: &mut dyn fmt::Write, report: &DrillReport, styles: Styles) -> fmt::Result {
    table(f, &report.verdict, styles)?;
    writeln!(f)?;
    for phase in report.phases() {
        let began = styles.faint(format!("from {}", millis(phase.began)));
        writeln!(f, "  {:<22}{:>12}   {began}", phase.name, millis(phase.took))?;
    }
    writeln!(f, "  {:<22}{:>12}", "SIGTERM to exit", millis(report.signal_to_exit))?;
    if let Some(lag) = report.last_answer_to_exit {
        writeln!(f, "  {:<22}{:>12}", "last answer to exit", millis(lag))?;
    }
    writeln!(f, "  {:<22}{:>12}", "exit code", exit(report))?;
    writeln!(f)?;
    sum(f, &report.verdict, styles)?;
    if !report.was_signalled {
        writeln!(f, "  {}", styles.bad("the program ended before SIGTERM was sent"))?;
    }
    if report.was_killed {
        writeln!(f, "  {}", styles.bad("the program did not end in time and was killed"))?;
    } else if report.exit_code != Some(report.expected_exit_code) {
        let expected = report.expected_exit_code;
        let text = format!("the program was expected to end with exit code {expected}");
        writeln!(f, "  {}", styles.bad(text))?;
    }
    Ok(())
}

/// Writes the counts of each scenario.
pub(crate) fn table(f: &mut dyn fmt::Write, verdict: &Verdict, styles: Styles) -> fmt::Result {
    let head = |names| styles.faint(names).to_string();
    verdict.write_table(f, head, |lost| styles.bad(lost).to_string())
}

/// Writes the sum, and the losses by their reason.
pub(crate) fn sum(f: &mut dyn fmt::Write, verdict: &Verdict, styles: Styles) -> fmt::Result {
    let Counts { sent, answered, rejected, refused, lost } = verdict.total;
    write!(f, "  sent {sent} = {answered} answered + {rejected} rejected + {refused} refused")?;
    if lost == 0 {
        writeln!(f)?;
        return if answered == 0 {
            writeln!(f, "  {}", styles.bad("no request was answered"))
        } else {
            writeln!(f, "  {}", styles.good("lost 0"))
        };
    }
    writeln!(f, " + {lost} lost")?;
    writeln!(f, "  {}", styles.bad(format!("lost {lost}")))?;
    let mut reasons: BTreeMap<(Cow<'static, str>, String), u64> = BTreeMap::new();
    for loss in &verdict.losses {
        *reasons.entry((loss.scenario.clone(), reason_class(loss.reason))).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((name, reason), count) in reasons.into_iter().take(SHOWN) {
        writeln!(f, "  {count:>6}  {name:<16}{reason}")?;
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
