//! The IO for hyper: first the bytes that were read to find the protocol, then the socket. Its
//! close does not destroy the last answer.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{frames::Frames, link::Link};
use crate::{
    Socket, TrackedIo,
    connection::{later, protocol::Opening},
};

/// How long to wait for a client that sends nothing more. In the middle of an upload it has bytes
/// on their way, unless something delays it.
const QUIET: Duration = Duration::from_secs(2);

/// The same during a stop, which has only time for a long round trip.
const QUIET_AT_STOP: Duration = Duration::from_millis(500);

/// How many bytes are read so that the client can read its answer. A client that sends more does
/// not read it anyway.
const ENOUGH: u64 = 64 * 1024 * 1024;

/// The first bytes of a client, as few as show the protocol.
#[derive(Debug, Default)]
pub(super) struct First {
    bytes: [u8; Opening::LONGEST],
    len: u8,
    taken: u8,
}

impl First {
    fn bytes(&self) -> &[u8] {
        self.bytes.get(usize::from(self.taken)..usize::from(self.len)).unwrap_or_default()
    }

    /// Reads until the protocol is known. `true`: HTTP/2. `None`: the client has closed before.
    pub(super) fn poll_read<I: Socket>(
        &mut self,
        io: &mut TrackedIo<I>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<bool>>> {
        loop {
            let mut buf = ReadBuf::new(self.bytes.get_mut(self.len.into()..).unwrap_or_default());
            ready!(Pin::new(&mut *io).poll_read(cx, &mut buf))?;
            let read = buf.filled().len();
            if read == 0 {
                return Poll::Ready(Ok(None));
            }
            // The cast keeps the value: the whole array has fewer than 256 bytes.
            self.len += read as u8;
            return Poll::Ready(match Opening::of(io.get_ref().agreed(), self.bytes()) {
                Opening::Undecided => continue,
                Opening::Http1 => Ok(Some(false)),
                Opening::Http2 => Ok(Some(true)),
                Opening::Broken => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the client agreed on HTTP/2 and speaks something else",
                )),
            });
        }
    }
}

/// A connection's IO.
#[derive(Debug)]
pub(super) struct Wire<I: Socket> {
    // Dropped first: the socket is closed before the seat is given back.
    io: TrackedIo<I>,
    first: First,
    linger: Linger,
    /// How long a close may linger. `None`: it does not.
    time: Option<Duration>,
    /// On HTTP/2.
    frames: Option<Frames>,
    link: Arc<Link>,
}

#[derive(Debug)]
enum Linger {
    /// The socket is open, at least in the server's direction.
    No,
    /// The socket is shut, and what the client sends is dropped.
    Yes {
        read: u64,
        until: Instant,
        timer: Pin<Box<Sleep>>,
    },
    Done,
}

impl<I: Socket> Wire<I> {
    pub(super) fn new(
        io: TrackedIo<I>,
        first: First,
        time: Option<Duration>,
        link: Arc<Link>,
    ) -> Self {
        let frames = (!link.is_http1()).then(Frames::new);
        Self { io, first, linger: Linger::No, time, frames, link }
    }

    /// Whether the client may be sending: then a close would be a reset, and might destroy an
    /// answer that it has not read yet.
    ///
    /// An upgraded connection may shut its direction and read on: the server must not read it.
    fn is_peer_sending(&self) -> bool {
        !self.link.is_switched() && self.is_http_coming()
    }

    fn is_http_coming(&self) -> bool {
        self.link.is_uploading() || (self.link.is_http1() && self.io.conn().handle().has_unread())
    }

    /// On HTTP/2, notes whether the socket took the last write.
    fn note<T>(&self, written: &Poll<T>) {
        if self.frames.is_some() {
            self.link.set_blocked(written.is_pending());
        }
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Linger::Yes { read, until, timer } = &mut self.linger else { return Poll::Ready(()) };
        let mut scratch = [MaybeUninit::uninit(); 16 * 1024];
        loop {
            let mut buf = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut self.io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() && *read < ENOUGH => {
                    *read += buf.filled().len() as u64;
                    let quiet = quiet(&self.io);
                    timer.as_mut().reset((*until).min(later(Instant::now(), quiet)));
                }
                // The client has closed, or was aborted, or has sent more than is read.
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.as_mut().poll(cx),
            }
            // A client that sends without a pause never lets the timer be polled.
            if Instant::now() >= *until {
                return Poll::Ready(());
            }
        }
    }
}

impl<I: Socket> AsyncRead for Wire<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.first.taken < this.first.len {
            let len = put(buf, this.first.bytes());
            this.first.taken += len as u8;
            return Poll::Ready(Ok(()));
        }
        match &mut this.frames {
            None => Pin::new(&mut this.io).poll_read(cx, buf),
            Some(frames) => poll_frames(&mut this.io, frames, &this.link, cx, buf),
        }
    }
}

fn quiet<I: Socket>(io: &TrackedIo<I>) -> Duration {
    if io.is_stopping() { QUIET_AT_STOP } else { QUIET }
}

/// Reads from an HTTP/2 client, or returns the answer that it did not send.
#[inline(never)]
fn poll_frames<I: Socket>(
    io: &mut TrackedIo<I>,
    frames: &mut Frames,
    link: &Link,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if link.is_ack_given_up() {
        let answer = frames.answer();
        if !answer.is_empty() {
            let len = put(buf, answer);
            frames.on_answered(len);
            return Poll::Ready(Ok(()));
        }
        link.set_stuck(frames.is_stuck());
    }
    let before = buf.filled().len();
    ready!(Pin::new(io).poll_read(cx, buf))?;
    frames.feed(buf.filled().get(before..).unwrap_or_default(), link.is_pinged());
    Poll::Ready(Ok(()))
}

/// Copies as many bytes as fit.
fn put(buf: &mut ReadBuf<'_>, bytes: &[u8]) -> usize {
    let len = bytes.len().min(buf.remaining());
    buf.put_slice(bytes.get(..len).unwrap_or_default());
    len
}

impl<I: Socket> AsyncWrite for Wire<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.io).poll_write(cx, buf);
        this.note(&poll);
        poll
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.io).poll_write_vectored(cx, bufs);
        this.note(&poll);
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.io).poll_flush(cx);
        this.note(&poll);
        poll
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.linger, Linger::No) {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            this.linger = Linger::Done;
            if let Some(time) = this.time.filter(|_| this.is_peer_sending()) {
                let now = Instant::now();
                let until = later(now, time);
                let timer = Box::pin(sleep_until(until.min(later(now, quiet(&this.io)))));
                this.linger = Linger::Yes { read: 0, until, timer };
            }
        }
        ready!(this.poll_linger(cx));
        this.linger = Linger::Done;
        Poll::Ready(Ok(()))
    }
}
