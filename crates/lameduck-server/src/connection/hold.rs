//! How long a connection holds a stop: a client that is not notified must not lose its connection.

use std::time::Duration;

use lameduck_core::plumbing;
use tokio::time::Instant;

use super::state::Conn;
use crate::{ConnectionStage, SocketOptions};

/// Until when a connection holds the shutdown signal, if it does.
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
        // From its first byte, because a client that sends slowly would hold it for ever. The
        // request may be half a head on a kept connection. If it is whole, the signal does no harm:
        // its answer will notify the client.
        ConnectionStage::Head | ConnectionStage::Request => Some(later(at(conn.head_at()), grace)),
        // The pause of a stream means nothing: its handler waits for something. Its client can be
        // notified by the answer to its next request.
        ConnectionStage::Answered if conn.is_answering() => {
            Some(later(Instant::now(), options.idle_grace))
        }
        ConnectionStage::Answered => Some(later(at(conn.moved_at()), options.idle_grace)),
        // The signal itself notifies HTTP/2 clients, and does not concern upgraded connections.
        ConnectionStage::Multiplexed | ConnectionStage::Upgraded => None,
    }
}

/// `at + time`. A time that does not fit the clock means never.
pub(crate) fn later(at: Instant, time: Duration) -> Instant {
    plumbing::later(at.into_std(), time).into()
}

/// The last check of a connection: are there bytes that the server is about to read?
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// How many bytes had been read when unread ones were seen, plus one.
    seen_at: u64,
}

impl Look {
    /// Whether unread bytes are a reason to wait. They are not if none was read since they were
    /// seen: then the connection is not idle, but its handler does not read.
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
