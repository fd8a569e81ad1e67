//! A request's own line in the ledger, for layers further in.

use std::fmt;

use http::HeaderValue;

use super::{Ledger, Slot, id};
use crate::shard::SharedShard;

/// A request's own line in the ledger of an [`InFlight`](crate::InFlight).
///
/// In the extensions of every request, if the count was made
/// [`with_ledger_entries`](crate::InFlight::with_ledger_entries). Counts nothing: it may outlive
/// the request, and then does nothing.
#[derive(Clone)]
pub struct LedgerEntry {
    shard: SharedShard,
    slot: Slot,
    /// `None` if the request was over when the entry was made.
    number: Option<u64>,
}

impl LedgerEntry {
    pub(crate) fn new(shard: SharedShard, slot: Slot) -> Self {
        let number = shard.ledger().and_then(|ledger| ledger.number(slot));
        Self { shard, slot, number }
    }

    /// Says which id the request has, in place of the one it came with.
    ///
    /// Returns whether it was written down: not if the request is over, and not if the id is
    /// empty, longer than 128 bytes or has other than visible ASCII characters.
    pub fn set_request_id(&self, request_id: HeaderValue) -> bool {
        let (Some(ledger), Some(number)) = (self.ledger(), self.number) else { return false };
        id::is_sane(&request_id)
            && ledger.update_numbered(self.slot, number, |record| {
                record.request_id = Some(request_id);
            })
    }

    fn ledger(&self) -> Option<&Ledger> {
        self.shard.ledger()
    }
}

impl fmt::Debug for LedgerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard: _, slot, number } = self;
        f.debug_struct("LedgerEntry")
            .field("slot", slot)
            .field("number", number)
            .finish_non_exhaustive()
    }
}
