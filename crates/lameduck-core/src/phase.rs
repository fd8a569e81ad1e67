//! The one word that says how far a stop has come.

use std::fmt;

/// How far a stop has come.
///
/// Ordered: a later phase is greater. [`Phase::Running`] and [`Phase::LameDuck`] serve requests,
/// the phases after them do not take new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Phase {
    /// Start hooks run; nothing is served yet.
    Starting,
    /// Requests are served, and the server says that it is ready.
    Running,
    /// Requests are served, but every client is asked to go elsewhere. May be undone.
    LameDuck,
    /// New requests are turned away; those in flight run to their deadline.
    Draining,
    /// What is still in flight is told that it is cancelled, and may still answer.
    Cancelling,
    /// What is still in flight is dropped, and named in the report.
    Forced,
    /// Nothing is in flight, the stop hooks have run.
    Stopped,
}

impl Phase {
    pub(crate) const ALL: [Self; 7] = [
        Self::Starting,
        Self::Running,
        Self::LameDuck,
        Self::Draining,
        Self::Cancelling,
        Self::Forced,
        Self::Stopped,
    ];

    /// The phase's name in logs, metrics and answers: lower case, words joined by `_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::LameDuck => "lame_duck",
            Self::Draining => "draining",
            Self::Cancelling => "cancelling",
            Self::Forced => "forced",
            Self::Stopped => "stopped",
        }
    }

    /// Whether a load balancer should send new clients here. True only while running.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Running)
    }

    /// Whether a new request is served. True while running and while a lame duck.
    #[must_use]
    pub const fn is_serving(self) -> bool {
        matches!(self, Self::Running | Self::LameDuck)
    }

    /// Whether an answer should tell its client to use another connection.
    #[must_use]
    pub const fn is_stopping(self) -> bool {
        self as u8 >= Self::LameDuck as u8
    }

    /// The phase a stored number stands for. Numbers past the last phase mean the last one.
    pub(crate) fn from_u8(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Stopped)
    }

    /// Whether a phase may be followed by `next`.
    pub(crate) const fn may_become(self, next: Self) -> bool {
        next as u8 > self as u8 || matches!((self, next), (Self::LameDuck, Self::Running))
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
