//! When the phases of a stop end at the latest.

use std::time::Instant;

/// When the phases of the stop under way end at the latest, or when they ended.
///
/// The driver of a stop publishes it before each move of the phase, so that a reader of the phase
/// finds the deadlines that belong to it. All are `None` while no stop is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopDeadlines {
    /// When draining begins at the latest, or when it began.
    pub draining_at: Option<Instant>,
    /// Until when the accept queue may be emptied. Then its listener closes in any case.
    pub accept_queue_until: Option<Instant>,
    /// When cancelling begins at the latest, or when it began. No deadline of a request should lie
    /// after it.
    pub cancelling_at: Option<Instant>,
    /// When connections that are still open are aborted at the latest.
    pub abort_at: Option<Instant>,
}

impl StopDeadlines {
    /// No deadline: no stop is under way.
    #[must_use]
    pub const fn new() -> Self {
        Self { draining_at: None, accept_queue_until: None, cancelling_at: None, abort_at: None }
    }
}
