//! The sockets that listen, and those of connections.

use std::{io, net::SocketAddr};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::Protocol;

/// A socket whose connection can be tracked: a [`TcpStream`](tokio::net::TcpStream), on Unix a
/// `UnixStream`, or one of them in a `TlsSocket`.
///
/// Sealed: a socket is closed by force through its descriptor, so it must have one.
///
/// What must happen before the first byte, such as a TLS handshake, is part of the first reads and
/// writes. So it runs in the task of its connection, delays no other connection, and has the time
/// that a connection has for its first byte.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send + sealed::Configure + 'static {
    /// What the client speaks, if both sides agreed on it before its first byte (ALPN).
    ///
    /// Asked after every read. `None`, by default: the first bytes show it.
    fn agreed(&self) -> Option<Protocol> {
        None
    }
}

/// A socket that can be listened on: a [`TcpListener`](tokio::net::TcpListener), on Unix a
/// `UnixListener`, or one of them in a `TlsListener`.
///
/// Sealed: a close without a reset needs more than an accept.
pub trait SocketListener: Send + Sync + sealed::Accept + 'static {
    /// The connections that it accepts.
    type Io: Socket;

    /// The address of a client, and of the listener itself.
    type Addr: Clone + Send + Sync + 'static;
}

/// A connection and the address of its client.
pub(crate) type Accepted<L> = (<L as SocketListener>::Io, <L as SocketListener>::Addr);

/// Whether an accept failed because the client has left, and not for lack of a resource.
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

        /// The number of the socket, valid for as long as this value lives.
        fn handle(&self) -> Handle;

        /// An upgraded connection is about to be dropped by its handler: sends what ends it,
        /// without a wait.
        fn part(&mut self) {}
    }

    #[expect(unnameable_types, reason = "sealed")]
    pub trait Accept {
        /// How long after new clients were stopped a packet may still be on its way through the
        /// kernel, on another processor.
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

        /// Accepts from the queue now, even if the reactor has not seen the connection yet.
        fn accept_now(&self) -> io::Result<Option<Accepted<Self>>>
        where
            Self: SocketListener;

        /// Stops new clients, but not handshakes under way.
        fn refuse_new(&self) -> io::Result<()>;

        /// Stops new clients by a filter, which needs a privilege.
        fn filter_syns(&self) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        /// How many connections are in the queue. `None` if the system does not say it.
        fn queued(&self) -> Option<u64> {
            None
        }

        /// Resets the options that a connection inherited from a listener that stops new clients.
        fn admit(io: &Self::Io) -> io::Result<()>
        where
            Self: SocketListener;

        /// Whether handshakes are under way. `None` if the system does not say it.
        fn handshakes(&self) -> Option<bool>;
    }
}
