//! A request's own line in the ledger, for layers further in.

use std::{cell::Cell, fmt};

use http::HeaderValue;

use super::{Line, id};

thread_local! {
    static CURRENT: Cell<Option<LedgerEntry>> = const { Cell::new(None) };
}

/// A request's own line in the ledger of an [`InFlight`](crate::InFlight).
///
/// Found by [`current`](Self::current) while the inner service is called. Counts nothing: it may
/// outlive the request, and then does nothing.
#[derive(Clone, Copy)]
pub struct LedgerEntry {
    line: &'static Line,
    /// Tells the request from a later one on the same line.
    number: u64,
}

impl LedgerEntry {
    pub(super) const fn new(line: &'static Line, number: u64) -> Self {
        Self { line, number }
    }

    #[inline]
    pub(crate) const fn line(self) -> &'static Line {
        self.line
    }

    /// The line of the request whose service is being called on this thread, if its count keeps a
    /// ledger.
    ///
    /// Known until `call` returns, not while the future is polled: an id is given when a request
    /// comes. Costs no allocation, as an entry in the request's extensions would.
    #[inline]
    #[must_use]
    pub fn current() -> Option<Self> {
        // While a thread ends there is none.
        CURRENT.try_with(Cell::get).ok().flatten()
    }

    /// Says which id the request has, in place of the one it came with.
    ///
    /// Returns whether it was written down: not if the request is over, and not if the id is
    /// empty, longer than 128 bytes or has other than visible ASCII characters.
    pub fn set_request_id(&self, request_id: &HeaderValue) -> bool {
        let request_id = request_id.as_bytes();
        id::is_sane(request_id) && self.line.set_request_id(self.number, request_id)
    }
}

impl fmt::Debug for LedgerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line: _, number } = self;
        f.debug_struct("LedgerEntry").field("number", number).finish_non_exhaustive()
    }
}

/// Makes a line the current one until it is dropped, by a panic too.
#[must_use = "the line is current only as long as this lives"]
pub(crate) struct Current {
    // A service may be called inside of another's call.
    before: Option<LedgerEntry>,
}

impl Current {
    #[inline]
    pub(crate) fn enter(entry: LedgerEntry) -> Self {
        Self { before: CURRENT.try_with(|current| current.replace(Some(entry))).ok().flatten() }
    }
}

impl Drop for Current {
    #[inline]
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.before));
    }
}
