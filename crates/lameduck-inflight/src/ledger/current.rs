//! A request's own line in the ledger, for layers further in.

use std::cell::Cell;

use http::HeaderValue;

use super::{Line, id};

thread_local! {
    static CURRENT: Cell<Option<&'static Line>> = const { Cell::new(None) };
}

/// Says which id the request has whose service is being called on this thread, in place of the one
/// it came with.
///
/// To be called while the inner service is called, not while its future is polled: an id is given
/// when a request comes. A call that itself polls another request's future on this thread is still
/// the call of its own: what that future tells here is told of the wrong one. Costs no allocation, as
/// an entry in the request's extensions would.
///
/// Does nothing outside of such a call, or if the count keeps no
/// [ledger](crate::InFlight::with_ledger). An id that is longer than 128 bytes or has other than
/// visible ASCII characters is not shown.
#[inline]
pub fn set_request_id(request_id: &HeaderValue) {
    // While a thread ends there is none.
    if let Some(line) = CURRENT.try_with(Cell::get).ok().flatten() {
        line.set_request_id(id::kept(request_id.as_bytes()));
    }
}

/// Makes a line the current one until it is dropped, by a panic too.
#[must_use = "the line is current only as long as this lives"]
pub(crate) struct Current {
    // A service may be called inside of another's call.
    before: Option<&'static Line>,
}

impl Current {
    /// Makes the line of a request the current one, which is in flight for as long as this lives.
    #[inline]
    pub(crate) fn enter(line: &'static Line) -> Self {
        Self { before: CURRENT.try_with(|current| current.replace(Some(line))).ok().flatten() }
    }
}

impl Drop for Current {
    #[inline]
    fn drop(&mut self) {
        let _ = CURRENT.try_with(|current| current.set(self.before));
    }
}
