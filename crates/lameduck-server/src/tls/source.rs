//! A listener whose connections are encrypted.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use super::{Tls, TlsSocket};
use crate::{
    Listener, Source,
    socket::{Accepted, sealed::Accept},
};

/// A socket to listen on whose connections are encrypted. Made by [`Listener::with_tls`].
#[derive(Debug)]
pub struct TlsSource<L> {
    inner: L,
    tls: Tls,
}

impl<L: Source> Listener<L> {
    /// Encrypts what is accepted from now on.
    ///
    /// Accepting does not wait for a handshake: it runs in the connection's own task, with its
    /// first read, so a client that never finishes one holds up nobody. It has the
    /// [handshake's timeout](Tls::with_handshake_timeout), and once draining has begun, the
    /// first-byte grace. So it works the same under [`serve`](crate::serve()) and under a stock
    /// `axum::serve`.
    ///
    /// What is counted, held and told is as without TLS, for it is looked at inside of it. Every
    /// end but a forced one says `close_notify`, so that the client knows that nothing is missing.
    pub fn with_tls(self, tls: &Tls) -> Listener<TlsSource<L>> {
        let tls = tls.clone();
        self.map(|inner| TlsSource { inner, tls })
    }
}

impl<L> TlsSource<L> {
    fn encrypt<I: crate::Socket, A>(&self, (io, addr): (I, A)) -> (TlsSocket<I>, A) {
        (TlsSocket::new(io, &self.tls), addr)
    }
}

impl<L: Source> Source for TlsSource<L> {
    type Io = TlsSocket<L::Io>;
    type Addr = L::Addr;
}

impl<L: Source> Accept for TlsSource<L> {
    const CERTAIN_AFTER: Duration = L::CERTAIN_AFTER;

    fn local_addr(&self) -> io::Result<<Self as Source>::Addr> {
        self.inner.local_addr()
    }

    fn peer(addr: &<Self as Source>::Addr) -> Option<SocketAddr> {
        L::peer(addr)
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<Self>>> {
        self.inner.poll_accept(cx).map_ok(|accepted| self.encrypt(accepted))
    }

    fn accept_now(&self) -> io::Result<Option<Accepted<Self>>> {
        Ok(self.inner.accept_now()?.map(|accepted| self.encrypt(accepted)))
    }

    fn keep_out(&self) -> io::Result<()> {
        self.inner.keep_out()
    }

    fn filter_out(&self) -> io::Result<()> {
        self.inner.filter_out()
    }

    fn queued(&self) -> Option<u64> {
        self.inner.queued()
    }

    fn let_in(io: &<Self as Source>::Io) -> io::Result<()> {
        io.get_ref().map_or(Ok(()), L::let_in)
    }

    fn handshakes(&self) -> Option<bool> {
        self.inner.handshakes()
    }
}
