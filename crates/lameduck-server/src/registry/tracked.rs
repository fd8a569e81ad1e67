//! A socket's IO, counted from its accept to its close.

use std::{
    fmt,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::registry::{End, Registry};
use crate::{
    ConnectionStage, Protocol, Socket,
    connection::{AsksTunnel, Conn, Farewell, Order, Side, Sniff, WakerId, poll_write, says_close},
};

/// The IO of a connection that [`Connections`](crate::Connections) counts.
///
/// Reads and writes go straight to the socket. The connection counts until this is dropped, and
/// the socket closed with it.
#[must_use = "dropping the IO closes the connection"]
pub struct Tracked<I: Socket> {
    // Dropped first, in this order: the socket is closed before the seat says so.
    io: I,
    seat: Seat,
    conn: Arc<Conn>,
    sniff: Sniff,
    /// The wakers that the connection keeps for reads and for writes.
    kept: [WakerId; 2],
    farewell: Farewell,
    asks_tunnel: AsksTunnel,
}

/// A place among the open connections.
struct Seat {
    registry: Arc<Registry>,
    key: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.leave();
    }
}

impl<I: Socket> Tracked<I> {
    pub(crate) fn new(io: I, peer: Option<SocketAddr>, registry: Arc<Registry>) -> Self {
        let conn = Arc::new(Conn::new(peer, io.handle()));
        let key = registry.enter(Arc::clone(&conn));
        Self {
            io,
            seat: Seat { registry, key },
            conn,
            sniff: Sniff::new(),
            kept: [WakerId::NONE; 2],
            farewell: Farewell::Unasked,
            asks_tunnel: AsksTunnel::NO,
        }
    }

    /// The socket.
    #[must_use]
    pub const fn get_ref(&self) -> &I {
        &self.io
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.seat.registry.watch.current().is_stopping()
    }

    #[cfg(feature = "serve")]
    pub(crate) const fn conn(&self) -> &Arc<Conn> {
        &self.conn
    }

    /// What every call does first: see that an order would wake this task, then obey it.
    fn begin(&mut self, side: Side, cx: &Context<'_>) -> io::Result<()> {
        let id = WakerId::of(cx.waker());
        let kept = &mut self.kept[side as usize];
        if *kept != id {
            *kept = id;
            self.conn.keep_waker(side, cx.waker());
        }
        match self.conn.order() {
            Order::Abort => Err(aborted()),
            Order::Stay | Order::Leave => Ok(()),
        }
    }

    /// Once draining has begun, the time of the bytes that just moved.
    #[inline(always)]
    fn stamp(&mut self) -> Option<u64> {
        let stamp = self.seat.registry.stamp()?;
        if self.conn.order() == Order::Leave {
            // It was told to leave and is not idle, so its end will be that of an answer.
            self.farewell = Farewell::Plain;
        }
        Some(stamp)
    }

    #[inline(always)]
    fn on_write(&mut self, bytes: &[u8], len: usize) {
        if len > 0 {
            if self.conn.stage() == ConnectionStage::Request && bytes.starts_with(b"HTTP/1.0") {
                // Its body may end with the connection, so nothing may come after it.
                self.farewell = Farewell::Plain;
            }
            let stamp = if self.is_stopping() { self.on_leaving_write(bytes) } else { None };
            let is_tunnel = self.is_tunnel(bytes);
            let changed = self.conn.on_write(bytes, len, stamp);
            if is_tunnel {
                self.conn.set_upgraded();
            }
            self.note(changed || is_tunnel, stamp);
        }
    }

    /// Whether this opens the tunnel that was asked for. What comes then is not HTTP.
    fn is_tunnel(&self, bytes: &[u8]) -> bool {
        self.asks_tunnel.is_yes()
            && self.conn.stage() == ConnectionStage::Request
            && bytes.starts_with(b"HTTP/1.")
            && bytes.get(9) == Some(&b'2')
    }

    /// Once a stop has begun: sees whether the peer is told by this. Returns the time for a stamp.
    #[inline(never)]
    fn on_leaving_write(&mut self, bytes: &[u8]) -> Option<u64> {
        let stamp = self.stamp();
        let registry = &self.seat.registry;
        match self.conn.stage() {
            ConnectionStage::Request if says_close(bytes) => registry.told(&self.conn),
            ConnectionStage::Request
                if self.is_tunnel(bytes) || bytes.starts_with(b"HTTP/1.1 101") =>
            {
                registry.told(&self.conn);
            }
            // An answer that began before: what ends it is its handler, not a word to the peer.
            ConnectionStage::Answered => registry.unnotified.settle(&self.conn),
            _ => {}
        }
        stamp
    }

    fn note(&self, changed: bool, stamp: Option<u64>) {
        // A connection that does not hold the stop any more may have been the last that did.
        if changed && stamp.is_some() {
            self.seat.registry.freed.notify_waiters();
        }
    }

    /// How the server's wish to close the connection is met. Asked once.
    fn say_farewell(&self) -> Farewell {
        if self.conn.order() != Order::Leave || self.conn.stage() != ConnectionStage::Answered {
            return Farewell::Plain;
        }
        // In bytes that are not HTTP/1 an answer would be noise.
        if self.conn.protocol() != Protocol::Http1 {
            return Farewell::Idle;
        }
        // The last look.
        if self.seat.registry.options.answer_on_idle_close || self.conn.handle().has_unread() {
            return Farewell::answered();
        }
        Farewell::Idle
    }

    fn end(&self) -> End {
        let was_idle = match &self.farewell {
            Farewell::Plain => false,
            Farewell::Answered(parting) if parting.had_request() => return End::TurnedAway,
            Farewell::Answered(_) | Farewell::Idle => true,
            // The server dropped it without a shutdown.
            Farewell::Unasked => {
                let stage = self.conn.stage();
                self.conn.order() == Order::Leave
                    && matches!(
                        stage,
                        ConnectionStage::NoBytes
                            | ConnectionStage::Head
                            | ConnectionStage::Answered
                    )
            }
        };
        match was_idle {
            false => End::Plain,
            true if self.conn.handle().has_unread() => End::Unread,
            true => End::Idle,
        }
    }
}

impl<I: Socket> AsyncRead for Tracked<I> {
    #[inline(always)]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.begin(Side::Read, cx)?;
        let before = buf.filled().len();
        let poll = Pin::new(&mut this.io).poll_read(cx, buf);
        match poll {
            Poll::Ready(Ok(())) => {
                let new = buf.filled().get(before..).unwrap_or_default();
                if !new.is_empty() {
                    let stamp = this.stamp();
                    this.asks_tunnel.on_read(new, this.conn.stage());
                    let changed = this.conn.on_read(new, &mut this.sniff, stamp);
                    this.note(changed, stamp);
                }
                poll
            }
            // The grace for the rest of the head is over. To the server its client has left.
            Poll::Pending
                if this.conn.order() == Order::Leave
                    && this.conn.stage() == ConnectionStage::Head =>
            {
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) | Poll::Pending => poll,
        }
    }
}

impl<I: Socket> AsyncWrite for Tracked<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.begin(Side::Write, cx)?;
        let poll = Pin::new(&mut this.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(len)) = poll {
            this.on_write(buf, len);
        }
        poll
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.begin(Side::Write, cx)?;
        let poll = poll_write(&mut this.io, cx, bufs);
        if let Poll::Ready(Ok(len)) = poll {
            let first = bufs.iter().find(|buf| !buf.is_empty());
            this.on_write(first.map_or(&[], |buf| buf), len);
        }
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Here too: a server that waits for a handler alone still flushes.
        this.begin(Side::Write, cx)?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.begin(Side::Write, cx)?;
        if matches!(this.farewell, Farewell::Unasked) {
            this.farewell = this.say_farewell();
        }
        this.farewell.poll(&mut this.io, cx)
    }
}

impl<I: Socket> Drop for Tracked<I> {
    fn drop(&mut self) {
        let is_upgraded = self.conn.stage() == ConnectionStage::Upgraded;
        if is_upgraded && self.conn.order() != Order::Abort && !std::thread::panicking() {
            self.io.part();
        }
        // While the socket is still open: nobody may use its number once it is closed.
        self.seat.registry.forget(self.seat.key, self.end());
    }
}

impl<I: Socket + fmt::Debug> fmt::Debug for Tracked<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { io, seat: _, conn, sniff: _, kept: _, farewell: _, asks_tunnel: _ } = self;
        f.debug_struct("Tracked").field("io", io).field("conn", conn).finish_non_exhaustive()
    }
}

fn aborted() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server closed the connection by force")
}
