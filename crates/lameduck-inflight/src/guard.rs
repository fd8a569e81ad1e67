//! The guard for work that no layer sees.

use std::fmt;

use crate::{
    ledger::{Record, Slot},
    shard::Shard,
};

/// Holds the count of an [`InFlight`](crate::InFlight) up by one until it is dropped.
///
/// May be moved into a spawned task or an upgraded connection, and dropped on any thread.
#[must_use = "dropping the guard ends the request"]
pub struct InFlightGuard {
    shard: &'static Shard,
    slot: Option<Slot>,
}

impl InFlightGuard {
    pub(crate) fn new(shard: &'static Shard, record: impl FnOnce() -> Record) -> Self {
        shard.enter();
        // Into the ledger after the count and out of it before: who is listed is in flight.
        let slot = shard.ledger().and_then(|ledger| ledger.insert(record()));
        Self { shard, slot }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        if let (Some(slot), Some(ledger)) = (self.slot, self.shard.ledger()) {
            ledger.remove(slot);
        }
        self.shard.leave();
    }
}

impl fmt::Debug for InFlightGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard: _, slot } = self;
        f.debug_struct("InFlightGuard").field("slot", slot).finish_non_exhaustive()
    }
}
