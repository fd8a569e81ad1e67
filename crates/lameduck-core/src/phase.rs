//! How far a stop has come.

use std::fmt;

/// How far a stop has come.
///
/// Ordered: a later phase is greater. In [`Phase::Running`] and [`Phase::LameDuck`] the server
/// serves new requests. In later phases it rejects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Phase {
    /// Start hooks run. The server does not serve yet.
    Starting,
    /// The server serves requests and is ready.
    Running,
    /// The server serves requests and asks its clients to leave. Such a stop can be cancelled.
    LameDuck,
    /// The server rejects new requests. Those in flight run to their deadline.
    Draining,
    /// Requests in flight are notified that they are cancelled, and may still answer.
    Cancelling,
    /// Requests in flight are dropped, and named in the report.
    Forced,
    /// Nothing is in flight, and the stop hooks have run.
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

    /// The phase's name in logs, metrics and responses: lower case, words joined by `_`.
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

    /// Whether a load balancer should send new clients to this server. True only while running.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Running)
    }

    /// Whether the server serves new requests. True while running and in lame duck.
    #[must_use]
    pub const fn is_serving(self) -> bool {
        matches!(self, Self::Running | Self::LameDuck)
    }

    /// Whether a stop is under way: true from lame duck on. Every response then asks its client to
    /// use another connection.
    #[must_use]
    pub const fn is_stopping(self) -> bool {
        self as u8 >= Self::LameDuck as u8
    }

    /// The phase of a stored number. A number past the last phase means the last one.
    pub(crate) fn from_u8(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Stopped)
    }

    /// Whether `next` may follow this phase.
    pub(crate) const fn may_become(self, next: Self) -> bool {
        next as u8 > self as u8 || matches!((self, next), (Self::LameDuck, Self::Running))
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
