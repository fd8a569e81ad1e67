//! The guard for work that no layer sees.

use std::fmt;

use crate::{ledger::Line, shard::Shard};

/// Holds the count of an [`InFlight`](crate::InFlight) up by one until it is dropped.
///
/// May be moved into a spawned task or an upgraded connection, and dropped on any thread.
#[must_use = "dropping the guard ends the request"]
pub struct InFlightGuard {
    shard: &'static Shard,
    line: Option<&'static Line>,
}

impl InFlightGuard {
    pub(crate) fn new(shard: &'static Shard, name: &str) -> Self {
        let number = shard.enter();
        // Into the ledger after the count and out of it before: what is listed is in flight.
        let line = shard.ledger().map(|ledger| ledger.list_guard(number, name));
        Self { shard, line }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        if let (Some(line), Some(ledger)) = (self.line, self.shard.ledger()) {
            ledger.unlist(line);
        }
        self.shard.leave();
    }
}

impl fmt::Debug for InFlightGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard: _, line } = self;
        f.debug_struct("InFlightGuard").field("is_listed", &line.is_some()).finish_non_exhaustive()
    }
}
