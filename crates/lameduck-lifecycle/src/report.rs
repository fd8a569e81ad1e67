//! The report of a stop.

use std::{fmt, time::Duration};

use lameduck_core::{Phase, TransitionCause};

use crate::Tally;

/// How a stop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Everything in flight finished by itself.
    Clean,
    /// Something in flight had to be cancelled. It then ended by itself.
    Cancelled,
    /// Something in flight had to be dropped.
    Forced,
    /// The server never served: its configuration, its address or a start hook failed.
    NotStarted,
}

impl Outcome {
    /// The outcome's name in logs and metrics: lower case, words joined by `_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Cancelled => "cancelled",
            Self::Forced => "forced",
            Self::NotStarted => "not_started",
        }
    }

    /// What happened, as a sentence for the log.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Clean => "graceful stop completed",
            Self::Cancelled => "stop completed, some requests were cancelled",
            Self::Forced => "stop completed by force, some requests were cut",
            Self::NotStarted => "stop completed before the server had started",
        }
    }

    /// The exit code: 0 for clean and cancelled, 1 for forced, 2 for not started.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Clean | Self::Cancelled => 0,
            Self::Forced => 1,
            Self::NotStarted => 2,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How long a phase took, and what ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// How long it took.
    pub took: Duration,
    /// What ended it.
    pub ended_by: TransitionCause,
}

/// How a hook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookOutcome {
    /// It returned.
    Done,
    /// It returned this error.
    Failed(String),
    /// It panicked with this message.
    Panicked(String),
    /// Its timeout, or that of all hooks, was over first. It was dropped.
    TimedOut,
    /// The time of all hooks was over before it could run.
    Skipped,
}

impl fmt::Display for HookOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Skipped => f.write_str("skipped"),
        }
    }
}

/// How long a hook took, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookTime {
    /// The name it was registered under.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: HookOutcome,
}

impl HookTime {
    pub(crate) const fn new(name: String, took: Duration, outcome: HookOutcome) -> Self {
        Self { name, took, outcome }
    }
}

/// The report of a stop.
///
/// Converted into an [`ExitCode`](std::process::ExitCode) it is the end of `main`. The conversion
/// also starts the *watchdog*, a thread that ends the process a second later. A runtime is dropped
/// only after every blocking call on it has returned, so one that never returns (a handler that
/// blocks its thread, a read of the standard input) would keep the process for ever.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a report says whether the stop was clean"]
pub struct Report {
    pub(crate) outcome: Outcome,
    pub(crate) cause: String,
    pub(crate) error: Option<String>,
    pub(crate) took: Duration,
    pub(crate) timeouts: Duration,
    pub(crate) phases: Vec<PhaseTime>,
    pub(crate) hooks: Vec<HookTime>,
    pub(crate) blockers: Vec<String>,
    pub(crate) tally: Tally,
    pub(crate) unlogged: u64,
    /// Whether its exit code is to end the process.
    pub(crate) ends_process: bool,
}

impl Report {
    /// Makes the report of a server that did not start, from the reason.
    pub fn not_started(error: impl fmt::Display) -> Self {
        Self {
            outcome: Outcome::NotStarted,
            cause: "start".to_owned(),
            error: Some(error.to_string()),
            took: Duration::ZERO,
            timeouts: Duration::ZERO,
            phases: Vec::new(),
            hooks: Vec::new(),
            blockers: Vec::new(),
            tally: Tally::default(),
            unlogged: 0,
            ends_process: false,
        }
    }

    /// How the stop ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What asked for the stop: the name of a signal or of a trigger.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// Why the server did not start, if it did not.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The time from the signal to the end of the last hook.
    #[must_use]
    pub const fn took(&self) -> Duration {
        self.took
    }

    /// How much of the sum of all stop timeouts was left at the end.
    #[must_use]
    pub const fn left(&self) -> Duration {
        self.timeouts.saturating_sub(self.took)
    }

    /// The phases of the stop, in order.
    #[must_use]
    pub fn phases(&self) -> &[PhaseTime] {
        &self.phases
    }

    /// The hooks that ran, in their order.
    #[must_use]
    pub fn hooks(&self) -> &[HookTime] {
        &self.hooks
    }

    /// What kept the drain from its end, a line each: requests and connections that were dropped,
    /// or else those still open when cancelling began. At most 100 of a kind, and how many
    /// more.
    #[must_use]
    pub fn blockers(&self) -> &[String] {
        &self.blockers
    }

    /// How the requests ended that were in flight when the stop began or came later: accepted =
    /// finished + rejected + aborted.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// How many events of the stop could not be logged, because the log subscriber panicked or
    /// blocked.
    #[must_use]
    pub const fn unlogged_events(&self) -> u64 {
        self.unlogged
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.error {
            return write!(f, "not started: {error}");
        }
        let Tally { accepted, finished, rejected, aborted } = self.tally;
        writeln!(f, "{} stop in {:.3?} (asked by {})", self.outcome, self.took, self.cause)?;
        write!(
            f,
            "  requests: {accepted} accepted = {finished} finished + {rejected} rejected \
             + {aborted} aborted"
        )?;
        for PhaseTime { phase, took, ended_by } in &self.phases {
            write!(f, "\n  {phase}: {took:.3?}, ended by its {}", ended_by.name())?;
        }
        for HookTime { name, took, outcome } in &self.hooks {
            write!(f, "\n  hook {name}: {took:.3?}, {outcome}")?;
        }
        for blocker in &self.blockers {
            write!(f, "\n  blocked by {blocker}")?;
        }
        if self.unlogged > 0 {
            write!(f, "\n  {} events could not be logged", self.unlogged)?;
        }
        Ok(())
    }
}
