//! How long whoever started the process will wait for it to stop.

use std::{fmt, time::Duration};

/// The time a stop may take before the process is killed from outside.
///
/// By default 28 s: Kubernetes kills after 30 s, and 2 s are kept back for what lies outside the
/// windows (the signal's way in, the last log lines, the process's exit).
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
    /// What is kept back from a supervisor's limit.
    pub const MARGIN: Duration = Duration::from_secs(2);

    /// A limit of your own, with nothing kept back.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self { limit, source: Source::Given }
    }

    /// `terminationGracePeriodSeconds` less the time of the `preStop` hook less [`Self::MARGIN`].
    ///
    /// Kubernetes counts the hook's time inside the grace period. Never below zero.
    #[must_use]
    pub const fn kubernetes(grace: Duration, pre_stop: Duration) -> Self {
        let limit = grace.saturating_sub(pre_stop).saturating_sub(Self::MARGIN);
        Self { limit, source: Source::Kubernetes { grace, pre_stop } }
    }

    /// `TimeoutStopSec` less [`Self::MARGIN`]. Never below zero.
    ///
    /// systemd counts `ExecStop` commands inside the timeout: subtract theirs first.
    #[must_use]
    pub const fn systemd(timeout: Duration) -> Self {
        Self { limit: timeout.saturating_sub(Self::MARGIN), source: Source::Systemd { timeout } }
    }

    /// The longest time that all windows together may take.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
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
                " (terminationGracePeriodSeconds {grace:?} - preStop {pre_stop:?} - margin {:?})",
                Self::MARGIN
            ),
            Source::Systemd { timeout } => {
                write!(f, " (TimeoutStopSec {timeout:?} - margin {:?})", Self::MARGIN)
            }
            Source::Given => Ok(()),
        }
    }
}
