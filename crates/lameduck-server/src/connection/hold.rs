//! How long a connection holds a stop: who has not been told yet must not be closed.

use std::time::Duration;

use lameduck_core::plumbing;
use tokio::time::Instant;

use super::state::Conn;
use crate::{ConnectionStage, SocketOptions};

/// Until when a connection holds the signal to close what is idle, if it does at all.
pub(crate) fn hold_until(
    conn: &Conn,
    began: Instant,
    origin: Instant,
    options: &SocketOptions,
) -> Option<Instant> {
    let at = |nanos| began.max(later(origin, Duration::from_nanos(nanos)));
    let grace = options.first_byte_grace;
    match conn.stage() {
        ConnectionStage::NoBytes => Some(later(began.max(conn.accepted()), grace)),
        // From its first byte: one that trickles would hold for ever. A request may be half a head
        // on a kept connection; else its handler works or its body comes, and the signal does no
        // harm: the answer will tell.
        ConnectionStage::Head | ConnectionStage::Request => Some(later(at(conn.head_at()), grace)),
        // A stream has no silence that says anything: what it waits for is its handler's, and its
        // client can be told with the request after it.
        ConnectionStage::Answered if conn.is_answering() => {
            Some(later(Instant::now(), options.idle_grace))
        }
        ConnectionStage::Answered => Some(later(at(conn.moved_at()), options.idle_grace)),
        // The signal is what tells HTTP/2, and nothing to an upgraded connection.
        ConnectionStage::Multiplexed | ConnectionStage::Upgraded => None,
    }
}

/// `at + time`. A time that does not fit the clock means never.
pub(crate) fn later(at: Instant, time: Duration) -> Instant {
    plumbing::later(at.into_std(), time).into()
}

/// The last look for a connection: do bytes wait for it that the server is about to read?
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// What had been read when bytes were seen, plus one.
    seen_at: u64,
}

impl Look {
    /// Whether unread bytes are a reason to wait on. They are not when nobody has read since they
    /// were seen: then it is not idleness that ends, but a handler that does not read.
    pub(crate) fn finds_bytes(&mut self, conn: &Conn) -> bool {
        let idle = matches!(
            conn.stage(),
            ConnectionStage::NoBytes | ConnectionStage::Head | ConnectionStage::Answered
        );
        let mark = conn.bytes_in() + 1;
        if !idle || mark == self.seen_at || !conn.handle().has_unread() {
            return false;
        }
        self.seen_at = mark;
        true
    }
}
