//! A request's own line in the ledger, for layers further in.

use std::{cell::Cell, fmt};

use http::HeaderValue;

use super::{Ledger, Slot, id};
use crate::shard::Shard;

thread_local! {
    static CURRENT: Cell<Option<LedgerEntry>> = const { Cell::new(None) };
}

/// What was current before: a service may be called inside of another's call. Put back when
/// dropped, so that a panic puts it back too.
struct Before(Option<LedgerEntry>);

impl Drop for Before {
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.0));
    }
}

/// A request's own line in the ledger of an [`InFlight`](crate::InFlight).
///
/// Found by [`current`](Self::current) while the inner service is called. Counts nothing: it may
/// outlive the request, and then does nothing.
#[derive(Clone, Copy)]
pub struct LedgerEntry {
    shard: &'static Shard,
    slot: Slot,
    /// `None` if the request was over when the entry was made.
    number: Option<u64>,
}

impl LedgerEntry {
    pub(crate) fn new(shard: &'static Shard, slot: Slot) -> Self {
        let number = shard.ledger().and_then(|ledger| ledger.number(slot));
        Self { shard, slot, number }
    }

    /// The line of the request whose service is being called on this thread, if its count keeps a
    /// ledger.
    ///
    /// Known until `call` returns, not while the future is polled: an id is given when a request
    /// comes. Costs no allocation, as an entry in the request's extensions would.
    #[must_use]
    pub fn current() -> Option<Self> {
        // While a thread ends there is none.
        CURRENT.try_with(Cell::get).ok().flatten()
    }

    /// Makes this line the current one for as long as `call` runs.
    pub(crate) fn while_calling<T>(self, call: impl FnOnce() -> T) -> T {
        let _before =
            Before(CURRENT.try_with(|current| current.replace(Some(self))).ok().flatten());
        call()
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
