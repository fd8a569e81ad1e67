//! The line of the request that is being called, for layers further in.

use std::cell::Cell;

use http::HeaderValue;

use super::{Line, id};

thread_local! {
    static CURRENT: Cell<Option<&'static Line>> = const { Cell::new(None) };
}

/// Sets the id of the request whose service is being called on this thread, in place of the one it
/// came with.
///
/// Call it while the inner service is called, not while its future is polled. If that call polls
/// the future of another request on this thread, and that future calls this function, the id goes
/// to the wrong request. Costs no allocation; an entry in the request's extensions costs one.
///
/// Does nothing outside of such a call, or if the count keeps no
/// [ledger](crate::InFlightOptions::ledger). An id that is longer than 128 bytes or has other than
/// visible ASCII characters is not shown.
#[inline]
pub fn set_request_id(request_id: &HeaderValue) {
    // A thread that is ending has none.
    if let Some(line) = CURRENT.try_with(Cell::get).ok().flatten() {
        line.set_request_id(id::kept(request_id.as_bytes()));
    }
}

/// Makes a line the current one until it is dropped, by a panic too.
#[must_use = "the line is current only as long as this lives"]
pub(crate) struct Current {
    // A service may be called inside of the call of another.
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
