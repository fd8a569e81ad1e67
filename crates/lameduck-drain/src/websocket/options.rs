//! The options of a socket that closes itself.

use std::time::Duration;

use lameduck_core::Phase;

use super::CloseReason;

/// When a socket is closed, with which reason, and how long the peer has to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseOptions {
    /// The phase in which the close frame is sent. By default [`Draining`](Phase::Draining).
    ///
    /// With [`LameDuck`](Phase::LameDuck) the peer leaves while all others are still served. A
    /// socket that is closed does not come back when the stop is cancelled.
    pub phase: Phase,

    /// The content of the close frame. By default [`CloseReason::GOING_AWAY`], code 1001.
    pub reason: CloseReason,

    /// How long the close frame may take to be sent and answered. By default 2 s: a round trip to
    /// the far side of the world and a pause there. Browsers answer at once.
    pub close_timeout: Duration,
}

impl CloseOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            phase: Phase::Draining,
            reason: CloseReason::GOING_AWAY,
            close_timeout: Duration::from_secs(2),
        }
    }
}

impl Default for CloseOptions {
    fn default() -> Self {
        Self::new()
    }
}
