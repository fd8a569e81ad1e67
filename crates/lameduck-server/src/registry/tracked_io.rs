//! The IO of a socket, counted from its accept to its close.

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
    connection::{
        Close, Conn, Order, Side, WakerId, poll_write,
        protocol::{Observer, Read, Written},
    },
};

/// The IO of a connection that [`Connections`](crate::Connections) counts.
///
/// Reads and writes go straight to the socket. The connection counts until this is dropped, and the
/// socket is closed with it.
#[must_use = "dropping the IO closes the connection"]
pub struct TrackedIo<I: Socket> {
    // Dropped in this order: the socket is closed before the seat is given back.
    io: I,
    seat: Seat,
    conn: Arc<Conn>,
    observer: Observer,
    /// The wakers that the connection has stored for reads and for writes.
    kept: [WakerId; 2],
    close: Close,
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

impl<I: Socket> TrackedIo<I> {
    pub(crate) fn new(io: I, peer: Option<SocketAddr>, registry: Arc<Registry>) -> Self {
        let conn = Arc::new(Conn::new(peer, io.handle()));
        let key = registry.enter(Arc::clone(&conn));
        Self {
            io,
            seat: Seat { registry, key },
            conn,
            observer: Observer::new(),
            kept: [WakerId::NONE; 2],
            close: Close::Undecided,
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

    /// Every call begins with this: it makes sure that an order wakes this task, and then obeys it.
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
            // The server wanted to close it, but it is not idle: its end will be that of an answer.
            self.close = Close::Plain;
        }
        Some(stamp)
    }

    #[inline(always)]
    fn on_read(&mut self, bytes: &[u8]) {
        let stamp = self.stamp();
        self.conn.on_read(bytes.len(), stamp);
        match self.observer.on_read(bytes) {
            Read::Same => {}
            Read::Request => {
                self.conn.begin_head(stamp);
                self.conn.set_stage(self.observer.stage());
            }
            Read::First => self.on_first_head(stamp, true),
            Read::More => self.on_first_head(stamp, false),
            Read::Multiplexed => self.on_other_protocol(stamp),
        }
    }

    #[inline(never)]
    fn on_first_head(&self, stamp: Option<u64>, is_first: bool) {
        if is_first {
            self.conn.begin_head(stamp);
        }
        self.conn.set_protocol(self.observer.protocol());
        self.conn.set_stage(self.observer.stage());
    }

    /// The connection is not plain HTTP/1 any more.
    #[inline(never)]
    fn on_other_protocol(&self, stamp: Option<u64>) {
        self.conn.set_protocol(self.observer.protocol());
        self.conn.set_stage(self.observer.stage());
        // It no longer holds the stop, and may have been the last one that did.
        if stamp.is_some() {
            self.seat.registry.freed.notify_waiters();
        }
    }

    /// The IO wrote `len` bytes of what begins with `bytes`.
    #[inline(always)]
    fn on_write(&mut self, bytes: &[u8], len: usize) {
        if len == 0 {
            return;
        }
        let is_stopping = self.is_stopping();
        let stamp = if is_stopping { self.stamp() } else { None };
        self.conn.on_write(len, stamp);
        match self.observer.on_write(bytes) {
            Written::Same => {}
            Written::Answer(head) => {
                self.conn.set_stage(self.observer.stage());
                if head.is_http10() {
                    self.close = Close::Plain;
                }
                if is_stopping && head.says_close() {
                    self.seat.registry.on_notified(&self.conn);
                }
            }
            Written::More => {
                if is_stopping {
                    // Only its handler can end it: no header can notify this client any more.
                    self.seat.registry.unnotified.settle(&self.conn);
                }
            }
            Written::Upgraded => {
                self.on_other_protocol(stamp);
                if is_stopping {
                    self.seat.registry.on_notified(&self.conn);
                }
            }
        }
    }

    /// How to close the connection, now that the server wants to. Decided once.
    fn decide_close(&self) -> Close {
        if self.conn.order() != Order::Leave || self.conn.stage() != ConnectionStage::Answered {
            return Close::Plain;
        }
        // To a client that does not speak HTTP/1 an answer would be noise.
        if self.conn.protocol() != Protocol::Http1 {
            return Close::Idle;
        }
        // The last check for bytes.
        if self.seat.registry.options.answer_on_idle_close || self.conn.handle().has_unread() {
            return Close::answered();
        }
        Close::Idle
    }

    fn end(&self) -> End {
        let was_idle = match &self.close {
            Close::Plain => false,
            Close::Answered(last_answer) if last_answer.had_request() => return End::Rejected,
            Close::Answered(_) | Close::Idle => true,
            // The server dropped the connection without a shutdown.
            Close::Undecided => {
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

impl<I: Socket> AsyncRead for TrackedIo<I> {
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
                    this.on_read(new);
                }
                poll
            }
            // The grace for the rest of the head is over. To the server, the client has closed.
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

impl<I: Socket> AsyncWrite for TrackedIo<I> {
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
        // Also here: a server that waits only for a handler still flushes.
        this.begin(Side::Write, cx)?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.begin(Side::Write, cx)?;
        if matches!(this.close, Close::Undecided) {
            this.close = this.decide_close();
        }
        this.close.poll(&mut this.io, cx)
    }
}

impl<I: Socket> Drop for TrackedIo<I> {
    fn drop(&mut self) {
        let is_upgraded = self.conn.stage() == ConnectionStage::Upgraded;
        if is_upgraded && self.conn.order() != Order::Abort && !std::thread::panicking() {
            self.io.part();
        }
        // While the socket is still open: its number must not be used once it is closed.
        self.seat.registry.forget(self.seat.key, self.end());
    }
}

impl<I: Socket + fmt::Debug> fmt::Debug for TrackedIo<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { io, seat: _, conn, observer: _, kept: _, close: _ } = self;
        f.debug_struct("TrackedIo").field("io", io).field("conn", conn).finish_non_exhaustive()
    }
}

fn aborted() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server closed the connection by force")
}
