//! A listener whose connections are encrypted.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use super::{Tls, TlsSocket};
use crate::{
    SocketListener,
    socket::{Accepted, sealed::Accept},
};

/// A listening socket whose connections are encrypted. Made by
/// [`Listener::with_tls`](crate::Listener::with_tls).
#[derive(Debug)]
pub struct TlsListener<L> {
    inner: L,
    tls: Tls,
}

impl<L> TlsListener<L> {
    pub(crate) const fn new(inner: L, tls: Tls) -> Self {
        Self { inner, tls }
    }

    fn encrypt<I: crate::Socket, A>(&self, (io, addr): (I, A)) -> (TlsSocket<I>, A) {
        (TlsSocket::new(io, &self.tls), addr)
    }
}

impl<L: SocketListener> SocketListener for TlsListener<L> {
    type Io = TlsSocket<L::Io>;
    type Addr = L::Addr;
}

impl<L: SocketListener> Accept for TlsListener<L> {
    const CERTAIN_AFTER: Duration = L::CERTAIN_AFTER;

    fn local_addr(&self) -> io::Result<<Self as SocketListener>::Addr> {
        self.inner.local_addr()
    }

    fn peer(addr: &<Self as SocketListener>::Addr) -> Option<SocketAddr> {
        L::peer(addr)
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<Self>>> {
        self.inner.poll_accept(cx).map_ok(|accepted| self.encrypt(accepted))
    }

    fn accept_now(&self) -> io::Result<Option<Accepted<Self>>> {
        Ok(self.inner.accept_now()?.map(|accepted| self.encrypt(accepted)))
    }

    fn refuse_new(&self) -> io::Result<()> {
        self.inner.refuse_new()
    }

    fn filter_syns(&self) -> io::Result<()> {
        self.inner.filter_syns()
    }

    fn queued(&self) -> Option<u64> {
        self.inner.queued()
    }

    fn admit(io: &<Self as SocketListener>::Io) -> io::Result<()> {
        io.get_ref().map_or(Ok(()), L::admit)
    }

    fn handshakes(&self) -> Option<bool> {
        self.inner.handshakes()
    }
}
