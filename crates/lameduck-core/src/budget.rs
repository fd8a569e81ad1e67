//! How long the supervisor waits for the process to stop.

use std::{fmt, time::Duration};

/// The time that a stop may take before the supervisor kills the process.
///
/// By default 28 s: Kubernetes kills after 30 s, and 2 s are kept for what the stop timeouts do
/// not cover (the delivery of the signal, the last log lines, the exit of the process).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: Duration,
    source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Kubernetes { grace: Duration, pre_stop: Duration },
    Systemd { timeout: Duration },
    Given,
}

impl Budget {
    /// How much of the supervisor's limit is kept for what the stop timeouts do not cover.
    pub const MARGIN: Duration = Duration::from_secs(2);

    /// A limit of your own. No margin is subtracted from it.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self { limit, source: Source::Given }
    }

    /// `terminationGracePeriodSeconds` minus the time of the `preStop` hook minus
    /// [`Self::MARGIN`], and never below zero.
    ///
    /// Kubernetes counts the hook's time inside the grace period.
    #[must_use]
    pub const fn kubernetes(grace: Duration, pre_stop: Duration) -> Self {
        let limit = grace.saturating_sub(pre_stop).saturating_sub(Self::MARGIN);
        Self { limit, source: Source::Kubernetes { grace, pre_stop } }
    }

    /// `TimeoutStopSec` minus [`Self::MARGIN`], and never below zero.
    ///
    /// systemd counts `ExecStop` commands inside the timeout: subtract their time first.
    #[must_use]
    pub const fn systemd(timeout: Duration) -> Self {
        Self { limit: timeout.saturating_sub(Self::MARGIN), source: Source::Systemd { timeout } }
    }

    /// The longest time that all stop timeouts together may take.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }
}

impl Budget {
    /// What to write for a budget of this length, as a proposal in an error.
    pub(crate) fn raised_to(&self, total: Duration) -> String {
        let with_margin = total.saturating_add(Self::MARGIN);
        match self.source {
            Source::Kubernetes { pre_stop, .. } => format!(
                "set `terminationGracePeriodSeconds` to at least {:?}, and the budget with it",
                with_margin.saturating_add(pre_stop)
            ),
            Source::Systemd { .. } => {
                format!("set `TimeoutStopSec` to at least {with_margin:?}, and the budget with it")
            }
            Source::Given => format!("raise the budget to {total:?}"),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::kubernetes(Duration::from_secs(30), Duration::ZERO)
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.limit)?;
        match self.source {
            Source::Kubernetes { grace, pre_stop } => write!(
                f,
                " (terminationGracePeriodSeconds {grace:?} - preStop {} s - margin {:?})",
                pre_stop.as_secs_f64(),
                Self::MARGIN
            ),
            Source::Systemd { timeout } => {
                write!(f, " (TimeoutStopSec {timeout:?} - margin {:?})", Self::MARGIN)
            }
            Source::Given => Ok(()),
        }
    }
}
