//! One line of the ledger, as it is kept.

use std::sync::atomic::Ordering;

use coarsetime::Instant;
use http::Method;

use super::{
    id,
    request::{InFlightRequest, RequestStage},
    text::{Text, Version},
};
use crate::sync::{AtomicU8, AtomicU64};

/// No request has the line.
const FREE: u64 = 0;

/// The longest route that is kept, in bytes: more than a log line shows. A client must not decide
/// how much memory a line takes.
const LONGEST_ROUTE: usize = 256;

/// The longest method that is kept, in bytes, for the same reason.
const LONGEST_METHOD: usize = 64;

/// One line of the ledger, for one request after the other.
///
/// Written only by the owner of the request, on whichever thread that is, and read when it is
/// shown. So it takes no lock: a reader does not show what it finds half written.
pub(crate) struct Line {
    /// The version of all that is written when a request comes.
    version: Version,
    /// The number of the request that has the line, or [`FREE`].
    number: AtomicU64,
    /// When it came, in ticks of [`Instant`].
    since: AtomicU64,
    method: Text<{ LONGEST_METHOD / 8 }>,
    route: Text<{ LONGEST_ROUTE / 8 }>,
    /// The version of an id that is set later.
    id_version: Version,
    request_id: Text<{ id::LONGEST / 8 }>,
    stage: AtomicU8,
    bytes_sent: AtomicU64,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            version: Version::new(),
            number: AtomicU64::new(FREE),
            since: AtomicU64::new(0),
            method: Text::new(),
            route: Text::new(),
            id_version: Version::new(),
            request_id: Text::new(),
            stage: AtomicU8::new(RequestStage::Guard as u8),
            bytes_sent: AtomicU64::new(0),
        }
    }

    /// Gives the line to a request or guard. The line must be free.
    #[inline]
    pub(super) fn open(
        &self,
        number: u64,
        stage: RequestStage,
        method: Option<&Method>,
        route: &str,
        request_id: &[u8],
    ) {
        let since = now().as_ticks();
        self.version.write(|| {
            self.since.store(since, Ordering::Relaxed);
            self.method.write(shortened(method.map_or("", Method::as_str), LONGEST_METHOD));
            self.route.write(shortened(route, LONGEST_ROUTE));
            self.request_id.write(request_id);
            self.stage.store(stage as u8, Ordering::Relaxed);
            self.bytes_sent.store(0, Ordering::Relaxed);
            self.number.store(number, Ordering::Relaxed);
        });
    }

    /// Frees the line. A reader that shows it this instant may show it once more.
    #[inline]
    pub(super) fn close(&self) {
        self.number.store(FREE, Ordering::Relaxed);
    }

    /// Notes how far the request has come.
    #[inline]
    pub(crate) fn set_stage(&self, stage: RequestStage) {
        // Release: this may be another thread than the one that opened the line. A reader that
        // finds this, and then passes its fence, finds the version of that as well.
        self.stage.store(stage as u8, Ordering::Release);
    }

    /// Notes that more bytes of the body were handed over.
    #[inline]
    pub(crate) fn add_sent(&self, bytes: u64) {
        // Not one atomic addition: only the request's body writes it.
        let sent = self.bytes_sent.load(Ordering::Relaxed);
        // Release: as for the stage.
        self.bytes_sent.store(sent.saturating_add(bytes), Ordering::Release);
    }

    /// Sets the id of the request that has the line.
    #[inline]
    pub(super) fn set_request_id(&self, request_id: &[u8]) {
        self.id_version.write(|| self.request_id.write(request_id));
    }

    /// The request that has the line, if one has and is not being written just now.
    pub(super) fn show(&self, now: Instant) -> Option<InFlightRequest> {
        self.version.read(|| self.read(now)).flatten()
    }

    fn read(&self, now: Instant) -> Option<InFlightRequest> {
        let number = self.number.load(Ordering::Relaxed);
        if number == FREE {
            return None;
        }
        let since = Instant::from_ticks(self.since.load(Ordering::Relaxed));
        let request_id = self.id_version.read(|| id::shown(self.request_id.read()));
        Some(InFlightRequest {
            number,
            since,
            // Zero for one that came after the clock was read.
            age: now.duration_since(since).into(),
            // A guard has the empty method, which is none.
            method: Method::from_bytes(&self.method.read()).ok(),
            route: text(self.route.read()),
            request_id: request_id.flatten(),
            stage: RequestStage::from_u8(self.stage.load(Ordering::Relaxed)),
            bytes_sent: self.bytes_sent.load(Ordering::Relaxed),
        })
    }
}

/// The time of the system's last tick.
#[inline]
pub(super) fn now() -> Instant {
    Instant::now_without_cache_update()
}

/// The bytes are text, unless they were read half written. Then they are not shown.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// The part of a text that is kept.
#[inline]
fn shortened(text: &str, longest: usize) -> &[u8] {
    if text.len() <= longest { text.as_bytes() } else { cut(text, longest) }
}

#[cold]
fn cut(text: &str, longest: usize) -> &[u8] {
    // Not in the middle of a character, which has at most four bytes.
    let end = (longest - 3..=longest).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or_default()).unwrap_or_default().as_bytes()
}
