//! The sockets that can be listened on, and those that come of it.

use std::{io, net::SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::Protocol;

/// A socket whose connection can be tracked: a [`TcpStream`](tokio::net::TcpStream), on Unix a
/// `UnixStream`, or one of them in a `TlsSocket`.
///
/// Sealed: a socket is closed by force through its descriptor, so it must have one.
///
/// What must be agreed on before the first byte, such as a TLS handshake, is done by the first
/// reads and writes: in the connection's own task, where it holds up nobody, and within the time
/// that a connection has for its first byte.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send + sealed::Configure + 'static {
    /// What the peer speaks, if that was agreed on before its first byte (ALPN).
    ///
    /// Asked after every read. `None`, by default: its first bytes tell.
    fn agreed(&self) -> Option<Protocol> {
        None
    }
}

/// A socket that can be listened on: a [`TcpListener`](tokio::net::TcpListener), on Unix a
/// `UnixListener`, or one of them in a `TlsListener`.
///
/// Sealed: to close without a reset takes more than an accept.
pub trait SocketListener: Send + Sync + sealed::Accept + 'static {
    /// What is accepted.
    type Io: Socket;

    /// The address of a peer, and of the listener itself.
    type Addr: Clone + Send + Sync + 'static;
}

/// A connection and its peer's address.
pub(crate) type Accepted<L> = (<L as SocketListener>::Io, <L as SocketListener>::Addr);

/// Whether an accept failed because the client has left, and not for want of something here.
pub(crate) fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

pub(crate) mod sealed {
    use std::{
        io,
        task::{Context, Poll},
        time::Duration,
    };

    use super::{Accepted, SocketAddr, SocketListener};
    use crate::{SocketOptions, socket::sys::Handle};

    #[expect(unnameable_types, reason = "sealed")]
    pub trait Configure {
        /// Sets the options of a connection.
        fn configure(&self, options: &SocketOptions);

        /// The socket's number, which is this socket's for as long as this value lives.
        fn handle(&self) -> Handle;

        /// The socket is about to be dropped by whoever a server handed it to (an upgrade), which
        /// is the end of it: says what there is to be said without a wait.
        fn part(&mut self) {}
    }

    #[expect(unnameable_types, reason = "sealed")]
    pub trait Accept {
        /// How long after new clients were kept out it is certain that none is on its way in
        /// through the kernel: a packet that another processor was already working on.
        const CERTAIN_AFTER: Duration;

        fn local_addr(&self) -> io::Result<Self::Addr>
        where
            Self: SocketListener;

        fn peer(addr: &Self::Addr) -> Option<SocketAddr>
        where
            Self: SocketListener;

        fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<Self>>>
        where
            Self: SocketListener;

        /// Accepts what is in the queue now. The reactor may not have heard of it yet.
        fn accept_now(&self) -> io::Result<Option<Accepted<Self>>>
        where
            Self: SocketListener;

        /// Keeps new clients out, but lets those in that are half way through.
        fn refuse_new(&self) -> io::Result<()>;

        /// Keeps new clients out by a filter, which takes a privilege.
        fn filter_syns(&self) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// How many connections are in the queue. `None`: the system does not tell.
        fn queued(&self) -> Option<u64> {
            None
        }

        /// Frees a connection that was let in after that from what it inherited.
        fn admit(io: &Self::Io) -> io::Result<()>
        where
            Self: SocketListener;

        /// Whether clients are half way through. `None`: nobody can tell.
        fn handshakes(&self) -> Option<bool>;
    }
}
