//! Whether a peer may still be sending the body of its last request.

use std::sync::atomic::{AtomicU8, Ordering};

const HTTP2: u8 = 0;
const HTTP1: u8 = 1;
const HTTP1_BODY: u8 = 2;

/// What the handler's side of a connection tells the IO's side.
#[derive(Debug)]
pub(super) struct Upload {
    // Relaxed throughout: both sides are in the task of an HTTP/1 connection, and HTTP/2 never
    // writes.
    state: AtomicU8,
}

impl Upload {
    pub(super) const fn new(is_http2: bool) -> Self {
        Self { state: AtomicU8::new(if is_http2 { HTTP2 } else { HTTP1 }) }
    }

    pub(super) fn is_http1(&self) -> bool {
        self.state.load(Ordering::Relaxed) != HTTP2
    }

    /// A request has come, with a body or without.
    pub(super) fn on_request(&self, has_body: bool) {
        if self.is_http1() {
            self.state.store(if has_body { HTTP1_BODY } else { HTTP1 }, Ordering::Relaxed);
        }
    }

    /// The peer has been silent for so long that nothing of a body can be on the way.
    pub(super) fn on_silence(&self) {
        self.on_request(false);
    }

    /// Whether the last request has a body. Whether it was read to its end hyper does not tell.
    pub(super) fn may_go_on(&self) -> bool {
        self.state.load(Ordering::Relaxed) == HTTP1_BODY
    }
}
