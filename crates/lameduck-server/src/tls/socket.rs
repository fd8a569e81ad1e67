//! An encrypted socket: the handshake is a part of its first read.

use std::{
    fmt,
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use rustls::ServerConnection;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

use super::{
    Tls,
    returning::{ReturnSlot, Returning},
};
use crate::{
    Protocol, Socket, SocketOptions, connection::later, socket::Handle, socket::sealed::Configure,
};

/// A connection of a [`TlsListener`](crate::TlsListener). Its first read or write begins the
/// handshake, and after that it is encrypted.
///
/// Its shutdown sends `close_notify` first.
pub struct TlsSocket<I: Socket> {
    // Dropped first: the socket then returns to its slot, and is closed with that.
    state: State<I>,
    slot: ReturnSlot<I>,
    handle: Handle,
}

enum State<I> {
    // Both are boxed: a connection is moved around, and the state of rustls has more than a
    // kilobyte.
    Handshake { accept: Box<Accept<Returning<I>>>, until: Instant, timer: Option<Pin<Box<Sleep>>> },
    Open(Box<TlsStream<Returning<I>>>),
    Failed,
}

impl<I: Socket> TlsSocket<I> {
    pub(super) fn new(io: I, tls: &Tls) -> Self {
        let handle = io.handle();
        let (slot, returning) = ReturnSlot::pass_on(io);
        let accept = Box::new(TlsAcceptor::from(tls.current()).accept(returning));
        let until = later(Instant::now(), tls.handshake_timeout());
        Self { state: State::Handshake { accept, until, timer: None }, slot, handle }
    }

    /// The socket inside. `None` if the handshake has failed.
    #[must_use]
    pub fn get_ref(&self) -> Option<&I> {
        match &self.state {
            State::Handshake { accept, .. } => accept.get_ref().and_then(Returning::get_ref),
            State::Open(stream) => stream.get_ref().0.get_ref(),
            State::Failed => None,
        }
    }

    /// The TLS state: version, server name, client certificates. `None` until the handshake is
    /// over.
    #[must_use]
    pub fn connection(&self) -> Option<&ServerConnection> {
        match &self.state {
            State::Open(stream) => Some(stream.get_ref().1),
            State::Handshake { .. } | State::Failed => None,
        }
    }

    /// Continues the handshake. Ready when it is over or has failed.
    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Handshake { accept, until, timer } = &mut self.state else {
            return Poll::Ready(Ok(()));
        };
        let error = match Pin::new(&mut **accept).poll(cx) {
            Poll::Ready(Ok(stream)) => {
                self.state = State::Open(Box::new(stream));
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(error)) => error,
            Poll::Pending => {
                let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(*until)));
                ready!(timer.as_mut().poll(cx));
                io::Error::new(io::ErrorKind::TimedOut, "the client did not finish its handshake")
            }
        };
        self.state = State::Failed;
        Poll::Ready(Err(error))
    }

    fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Pin<&mut TlsStream<Returning<I>>>>> {
        ready!(self.poll_handshake(cx))?;
        Poll::Ready(match &mut self.state {
            State::Open(stream) => Ok(Pin::new(&mut **stream)),
            State::Handshake { .. } | State::Failed => {
                Err(io::Error::new(io::ErrorKind::NotConnected, "the TLS handshake has failed"))
            }
        })
    }
}

impl<I: Socket> Socket for TlsSocket<I> {
    fn agreed(&self) -> Option<Protocol> {
        match self.connection()?.alpn_protocol()? {
            b"h2" => Some(Protocol::Http2),
            b"http/1.1" | b"http/1.0" => Some(Protocol::Http1),
            _ => None,
        }
    }
}

impl<I: Socket> Configure for TlsSocket<I> {
    fn configure(&self, options: &SocketOptions) {
        if let Some(io) = self.get_ref() {
            io.configure(options);
        }
    }

    fn handle(&self) -> Handle {
        self.handle
    }

    fn part(&mut self) {
        if let State::Open(stream) = &mut self.state {
            // Only what needs no wait: no task is left to wait.
            _ = Pin::new(&mut **stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl<I: Socket> AsyncRead for TlsSocket<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.get_mut().poll_open(cx))?.poll_read(cx, buf)
    }
}

impl<I: Socket> AsyncWrite for TlsSocket<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.get_mut().poll_open(cx))?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.get_mut().poll_open(cx))?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().state {
            State::Open(stream) => Pin::new(&mut **stream).poll_flush(cx),
            // The server has written nothing yet.
            State::Handshake { .. } | State::Failed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.state {
            State::Open(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
            State::Handshake { accept, .. } => match accept.get_mut() {
                Some(io) => Pin::new(io).poll_shutdown(cx),
                None => Poll::Ready(Ok(())),
            },
            State::Failed => {
                let ended = this.slot.with(|io| Pin::new(io).poll_shutdown(cx));
                ended.unwrap_or(Poll::Ready(Ok(())))
            }
        }
    }
}

impl<I: Socket> fmt::Debug for TlsSocket<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, slot: _, handle: _ } = self;
        let state = match state {
            State::Handshake { .. } => "handshake",
            State::Open(_) => "open",
            State::Failed => "failed",
        };
        f.debug_struct("TlsSocket").field("state", &state).finish_non_exhaustive()
    }
}
