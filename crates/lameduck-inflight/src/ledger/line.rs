//! One line of the ledger, as it is kept.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use http::Method;
use tokio::time::Instant;

use super::{
    id,
    request::{InFlightRequest, Stage},
};

/// No request has the line.
const FREE: u64 = 0;

/// The longest route that is kept, in bytes: more than a log line shows. A client must not decide
/// how much memory a line takes.
const LONGEST_ROUTE: usize = 256;

/// The longest method that is kept, in bytes, for the same reason.
const LONGEST_METHOD: usize = 64;

/// One line of the ledger, for one request after the other.
///
/// What a request changes while it runs is in atomics that only it writes; what is written once is
/// text under a lock of the line's own, which nobody else wants unless the ledger is shown.
#[derive(Default)]
pub(crate) struct Line {
    /// The number of the request that has the line, or [`FREE`].
    number: AtomicU64,
    stage: AtomicU8,
    bytes_sent: AtomicU64,
    text: Mutex<Text>,
}

struct Text {
    since: Option<Instant>,
    method: Option<Method>,
    // Copied, not shared: a count of references is dearer than a few bytes, and what shares a
    // server's buffer keeps all of it.
    route: String,
    request_id: Vec<u8>,
}

/// With all the room it will ever need.
impl Default for Text {
    fn default() -> Self {
        Self {
            since: None,
            method: None,
            route: String::with_capacity(LONGEST_ROUTE),
            request_id: Vec::with_capacity(id::LONGEST),
        }
    }
}

impl Line {
    /// Writes down who has the line from now on. Nobody has it.
    #[inline]
    pub(super) fn open(
        &self,
        number: u64,
        stage: Stage,
        method: Option<&Method>,
        route: &str,
        request_id: Option<&[u8]>,
    ) {
        let since = Instant::now();
        let mut text = self.text();
        text.since = Some(since);
        if text.method.as_ref() != method {
            text.method = method.map(kept);
        }
        text.route.clear();
        text.route.push_str(shortened(route));
        text.request_id.clear();
        if let Some(id) = request_id {
            text.request_id.extend_from_slice(id);
        }
        // Relaxed, here and below: who shows a line reads them under its lock.
        self.stage.store(stage as u8, Ordering::Relaxed);
        self.bytes_sent.store(0, Ordering::Relaxed);
        self.number.store(number, Ordering::Relaxed);
    }

    /// Nobody has the line any more. Without the lock: who shows it this instant may show it once
    /// more.
    #[inline]
    pub(super) fn close(&self) {
        self.number.store(FREE, Ordering::Relaxed);
    }

    /// Notes how far the one who has the line has come.
    #[inline]
    pub(crate) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    /// Notes that more bytes of the body were handed over.
    #[inline]
    pub(crate) fn add_sent(&self, bytes: u64) {
        // No addition in one step: only the request's body writes it.
        let sent = self.bytes_sent.load(Ordering::Relaxed);
        self.bytes_sent.store(sent.saturating_add(bytes), Ordering::Relaxed);
    }

    /// Writes down the id of the request of that number. Returns whether it still has the line.
    #[inline]
    pub(super) fn set_request_id(&self, number: u64, request_id: &[u8]) -> bool {
        let mut text = self.text();
        // Under the lock, without which nobody else gets the line.
        let is_its_own = self.number.load(Ordering::Relaxed) == number;
        if is_its_own {
            text.request_id.clear();
            text.request_id.extend_from_slice(request_id);
        }
        is_its_own
    }

    /// Who has the line, if anybody has.
    pub(super) fn show(&self) -> Option<InFlightRequest> {
        let text = self.text();
        let number = self.number.load(Ordering::Relaxed);
        let since = text.since.filter(|_| number != FREE)?;
        Some(InFlightRequest {
            number,
            since,
            age: since.elapsed(),
            method: text.method.clone(),
            route: text.route.clone(),
            request_id: id::to_text(&text.request_id),
            stage: Stage::from_u8(self.stage.load(Ordering::Relaxed)),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
        })
    }

    #[inline]
    fn text(&self) -> MutexGuard<'_, Text> {
        // Nothing panics under the lock but for want of memory, and any text may be shown.
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As much of a method as is kept. It is a token, and so is its beginning.
#[cold]
fn kept(method: &Method) -> Method {
    let beginning = method.as_str().as_bytes().get(..LONGEST_METHOD);
    beginning.and_then(|text| Method::from_bytes(text).ok()).unwrap_or_else(|| method.clone())
}

/// As much of a route as is kept.
#[inline]
fn shortened(route: &str) -> &str {
    if route.len() <= LONGEST_ROUTE { route } else { cut(route) }
}

#[cold]
fn cut(route: &str) -> &str {
    // Not in the middle of a character: one has at most four bytes.
    (LONGEST_ROUTE - 3..=LONGEST_ROUTE)
        .rev()
        .find(|&end| route.is_char_boundary(end))
        .map_or("", |end| &route[..end])
}
