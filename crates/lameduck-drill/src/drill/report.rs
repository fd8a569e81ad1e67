//! The result of a drill.

use std::time::Duration;

use serde_json::{Value, json};

use super::stop_log::{self, PhaseTime, StopEvent};
use crate::{Counts, Verdict};

/// The result of a drill. Its `Display` is what `lameduck-drill` prints, without colours.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DrillReport {
    /// What became of the requests.
    pub verdict: Verdict,
    /// The exit code of the program. `None` if a signal ended it.
    pub exit_code: Option<i32>,
    /// The exit code that was expected.
    pub expected_exit_code: i32,
    /// Whether the program exceeded the time limit and was killed.
    pub was_killed: bool,
    /// Whether SIGTERM was sent. If not, the program ended before.
    pub was_signalled: bool,
    /// The time from SIGTERM to the exit of the program.
    pub signal_to_exit: Duration,
    /// The time from the last answer to the exit of the program.
    pub last_answer_to_exit: Option<Duration>,
    /// The program's log of the stop. Empty if it writes none.
    pub log: Vec<StopEvent>,
}

impl DrillReport {
    /// Whether no request was lost, some were answered, and the program ended as expected.
    #[must_use]
    pub const fn is_passed(&self) -> bool {
        self.verdict.is_clean() && self.ended_as_expected()
    }

    /// Whether the program ended by itself, after the signal, with the expected exit code.
    #[must_use]
    pub const fn ended_as_expected(&self) -> bool {
        let is_expected = matches!(self.exit_code, Some(code) if code == self.expected_exit_code);
        self.was_signalled && !self.was_killed && is_expected
    }

    /// How long each phase took, according to the program's log. Empty if it writes none.
    #[must_use]
    pub fn phases(&self) -> Vec<PhaseTime> {
        stop_log::phases(&self.log)
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    pub(crate) fn to_value(&self) -> Value {
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
        let by_scenario = self.verdict.by_scenario.iter();
        let phases = self.phases().into_iter().map(|phase| {
            let (began, took) = (phase.began.as_millis() as u64, phase.took.as_millis() as u64);
            json!({ "name": phase.name, "began_ms": began, "took_ms": took })
        });
        let losses = self.verdict.losses.iter().map(|loss| {
            json!({
                "scenario": loss.scenario,
                "reason": loss.reason.to_string(),
                "began_ms": loss.began.as_millis() as u64,
                "ended_ms": loss.ended.as_millis() as u64,
            })
        });
        json!({
            "passed": self.is_passed(),
            "total": counts(&self.verdict.total),
            "by_scenario": by_scenario
                .map(|(name, row)| json!({ "name": name, "counts": counts(row) }))
                .collect::<Vec<_>>(),
            "losses": losses.collect::<Vec<_>>(),
            "phases": phases.collect::<Vec<_>>(),
            "signal_to_exit_ms": self.signal_to_exit.as_millis() as u64,
            "last_answer_to_exit_ms": self.last_answer_to_exit.map(|lag| lag.as_millis() as u64),
            "exit_code": self.exit_code,
            "killed": self.was_killed,
        })
    }
}
