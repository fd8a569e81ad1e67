//! What the driver records during a stop, and makes the report from.

use std::time::Instant;

use lameduck_core::{Phase, StopTimeouts, TransitionCause};

use crate::{HookTime, Outcome, PhaseTime, Report, Tally, journal::Journal};

/// The record of one stop.
pub(crate) struct Record {
    pub(crate) journal: Journal,
    cause: String,
    before: Tally,
    phases: Vec<PhaseTime>,
    since: Instant,
    blockers: Vec<String>,
    outcome: Outcome,
    pub(crate) hooks: Vec<HookTime>,
}

impl Record {
    pub(crate) fn open(cause: String, before: Tally) -> Self {
        let journal = Journal::open();
        Self {
            since: journal.began().into_std(),
            journal,
            cause,
            before,
            phases: Vec::new(),
            blockers: Vec::new(),
            outcome: Outcome::Clean,
            hooks: Vec::new(),
        }
    }

    /// Records the end of a phase.
    pub(crate) fn phase_ended(&mut self, phase: Phase, ended_by: TransitionCause, now: Instant) {
        if phase > Phase::Running {
            let took = now.saturating_duration_since(self.since);
            self.phases.push(PhaseTime { phase, took, ended_by });
        }
        self.since = now;
    }

    /// Records what is open when a harder phase begins. If nothing is open, the outcome stays.
    ///
    /// The list of forced requests replaces that of cancelled ones, because it is a part of it.
    pub(crate) fn harder(&mut self, outcome: Outcome, open: usize, blockers: Vec<String>) {
        if open > 0 {
            self.outcome = outcome;
            self.blockers = blockers;
        }
    }

    pub(crate) fn report(self, after: &Tally, timeouts: &StopTimeouts) -> (Journal, Report) {
        let Self { journal, cause, before, phases, since: _, blockers, outcome, hooks } = self;
        let report = Report {
            outcome,
            cause,
            error: None,
            took: journal.began().elapsed(),
            timeouts: timeouts.total(),
            phases,
            hooks,
            blockers,
            tally: before.until(after),
            unlogged: 0,
            ends_process: true,
        };
        (journal, report)
    }
}
