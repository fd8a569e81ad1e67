//! What the task, the handler and the IO of one connection share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering},
    },
    task::Waker,
};

use http::StatusCode;

use super::live::Seat;
use crate::connection::{Conn, protocol::Exchange};

/// Shared by all parts of a connection. Keeps its seat until the last part is gone.
#[derive(Debug)]
pub(super) struct Link {
    // Relaxed but for the streams, because no other memory depends on a value: what must be seen at
    // once is written and read in the task of the connection.
    is_http2: bool,
    /// On HTTP/1: an [`Exchange`].
    exchange: AtomicU8,
    /// Streams that are in flight.
    streams: AtomicUsize,
    /// All requests so far. Written only by the task of the connection.
    served: AtomicUsize,
    /// The first GOAWAY was sent, with its PING.
    is_pinged: AtomicBool,
    /// The client's answer to that PING is not waited for any more.
    is_ack_given_up: AtomicBool,
    /// The client has stopped in the middle of a frame, so the answer cannot be inserted.
    is_stuck: AtomicBool,
    is_blocked: AtomicBool,
    conn: Arc<Conn>,
    _seat: Seat,
}

impl Link {
    pub(super) const fn new(is_http2: bool, conn: Arc<Conn>, seat: Seat) -> Self {
        Self {
            is_http2,
            exchange: AtomicU8::new(Exchange::Plain as u8),
            streams: AtomicUsize::new(0),
            served: AtomicUsize::new(0),
            is_pinged: AtomicBool::new(false),
            is_ack_given_up: AtomicBool::new(false),
            is_stuck: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            conn,
            _seat: seat,
        }
    }

    pub(super) const fn conn(&self) -> &Arc<Conn> {
        &self.conn
    }

    pub(super) const fn is_http1(&self) -> bool {
        !self.is_http2
    }

    fn exchange(&self) -> Exchange {
        Exchange::from_u8(self.exchange.load(Ordering::Relaxed))
    }

    fn set_exchange(&self, exchange: Exchange) {
        self.exchange.store(exchange as u8, Ordering::Relaxed);
    }

    /// A request has come.
    pub(super) fn on_request(&self) {
        self.served.store(self.served().wrapping_add(1), Ordering::Relaxed);
    }

    /// A request has come on HTTP/1, with a body or without, or one for a tunnel.
    pub(super) fn on_http1_request(&self, has_body: bool, is_connect: bool) {
        self.on_request();
        self.set_exchange(Exchange::of_request(has_body, is_connect));
    }

    /// An answer with this status is on its way on HTTP/1. Whether it switches protocols.
    pub(super) fn on_http1_answer(&self, status: StatusCode) -> bool {
        let switches = self.exchange().is_switched_by(status.as_u16());
        if switches {
            self.set_exchange(Exchange::Switched);
        }
        switches
    }

    /// Whether what comes now is not HTTP. The server must not read it.
    pub(super) fn is_switched(&self) -> bool {
        self.exchange() == Exchange::Switched
    }

    /// The client was idle for so long that no part of a body can be on its way.
    pub(super) fn on_silence(&self) {
        if self.is_uploading() {
            self.set_exchange(Exchange::Plain);
        }
    }

    /// Whether the client may still be sending the body of its last request.
    pub(super) fn is_uploading(&self) -> bool {
        self.exchange() == Exchange::Body
    }

    pub(super) fn on_stream(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn on_stream_end(&self) {
        // Release, and acquire below: a reader of zero streams also sees what the last one has
        // left.
        let is_last = self.streams.fetch_sub(1, Ordering::Release) == 1;
        if is_last && self.is_ack_given_up() {
            // The end of the stream may be waited for, and hyper wakes the connection too early.
            self.conn.wakers().into_iter().flatten().for_each(Waker::wake);
        }
    }

    pub(super) fn has_streams(&self) -> bool {
        self.streams.load(Ordering::Acquire) > 0
    }

    /// Whether the socket did not take the last write.
    pub(super) fn set_blocked(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Ordering::Relaxed);
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    pub(super) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }

    pub(super) fn set_pinged(&self) {
        self.is_pinged.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_pinged(&self) -> bool {
        self.is_pinged.load(Ordering::Relaxed)
    }

    pub(super) fn give_up_ack(&self) {
        self.is_ack_given_up.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ack_given_up(&self) -> bool {
        self.is_ack_given_up.load(Ordering::Relaxed)
    }

    pub(super) fn set_stuck(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
    }

    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck.load(Ordering::Relaxed)
    }
}
