//! What a drill found.

use std::{fmt, io, time::Duration};

use super::{PhaseTime, StopEvent, stop_log};
use crate::Verdict;

/// What a drill found. Its `Display` is what `lameduck-drill` prints.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DrillReport {
    /// What became of the requests.
    pub verdict: Verdict,
    /// The exit code of the program, none if it was ended by a signal.
    pub exit_code: Option<i32>,
    /// The exit code that was expected.
    pub expected_exit_code: i32,
    /// Whether the program took too long and was killed.
    pub was_killed: bool,
    /// Whether SIGTERM was sent. If not, the program ended before.
    pub was_signalled: bool,
    /// From SIGTERM to the end of the program.
    pub signal_to_exit: Duration,
    /// From the last answer to the end of the program.
    pub last_answer_to_exit: Option<Duration>,
    /// The program's log of the stop, if it writes one.
    pub log: Vec<StopEvent>,
}

impl DrillReport {
    /// Whether no request was lost, some were answered, and the program ended by itself, after
    /// the signal, with the expected code.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.verdict.is_clean()
            && self.was_signalled
            && !self.was_killed
            && self.exit_code == Some(self.expected_exit_code)
    }

    /// How long each phase took, as the program's log tells it. Empty if it writes none.
    #[must_use]
    pub fn phases(&self) -> Vec<PhaseTime> {
        stop_log::phases(&self.log)
    }
}

impl fmt::Display for DrillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::render::report(f, self, super::paint::Paint::plain())
    }
}

/// Why there was no drill.
#[derive(Debug)]
pub struct DrillError {
    what: &'static str,
    source: Option<io::Error>,
    /// What the program wrote last on its standard error.
    said: Vec<String>,
}

impl DrillError {
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, source: None, said: Vec::new() }
    }

    pub(super) const fn io(what: &'static str, source: io::Error) -> Self {
        Self { what, source: Some(source), said: Vec::new() }
    }

    pub(super) fn with_said(mut self, said: Vec<String>) -> Self {
        self.said = said;
        self
    }
}

impl fmt::Display for DrillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        for line in &self.said {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DrillError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
