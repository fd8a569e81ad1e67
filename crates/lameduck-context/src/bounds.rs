//! How long a request may take, and from whom it has that.

use std::time::Duration;

use tokio::time::Instant;

use crate::{alarm::from_now, shared::Shared};

/// What the head of a request says of its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// How long the handler may take.
    pub(crate) limit: Option<Duration>,
    /// When the caller waits no longer.
    pub(crate) caller_at: Option<Instant>,
    /// Whether the caller's time was over on arrival.
    pub(crate) is_expired: bool,
}

impl Shared {
    /// How long the handler may take: the layer's limit, the route's or the caller's.
    pub(crate) fn limit(&self) -> Option<Duration> {
        let config = self.config();
        if config.reads_head { self.bounds.limit } else { config.timeout }
    }

    /// When the caller waits no longer, for the whole answer.
    pub(crate) fn caller_at(&self) -> Option<Instant> {
        if self.config().reads_head { self.bounds.caller_at } else { None }
    }

    /// Whether the caller's time was over on arrival.
    pub(crate) fn is_expired(&self) -> bool {
        self.config().reads_head && self.bounds.is_expired
    }

    /// Says how long the request may take. To be said of each whose head is read.
    pub(crate) fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// When the handler's limit is over. The clock starts here if it has not.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if let Some(at) = self.deadline.get() {
            return Some(*at);
        }
        if self.more.get().is_some_and(|more| more.is_child) {
            return None;
        }
        let limit = self.limit()?;
        let at = || {
            let at = from_now(limit);
            // The limit began later than the caller's time, and may end later.
            self.caller_at().map_or(at, |caller| caller.min(at))
        };
        Some(*self.deadline.get_or_init(at))
    }
}
