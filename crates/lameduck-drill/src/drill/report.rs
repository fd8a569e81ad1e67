//! The result of a drill.

use std::{fmt, time::Duration};

use super::{
    PhaseTime, StopEvent,
    render::{self, Styles},
    stop_log,
};
use crate::Verdict;

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
        render::to_json(self).to_string()
    }
}

impl fmt::Display for DrillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render::report(f, self, Styles::PLAIN)
    }
}
