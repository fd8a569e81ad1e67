//! Our listener as the incoming connections of a tonic server.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use tokio::net::TcpListener;
use tonic::transport::server::Connected;
#[cfg(feature = "tls")]
use tonic::transport::server::TcpConnectInfo;

use crate::{Listener, Socket, Source, Tracked};

/// The connections that a [`Listener`] accepts, as a stream that does not end. Made by
/// [`Listener::into_incoming`].
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<L: Source = TcpListener> {
    listener: Listener<L>,
}

impl<L: Source> Listener<L> {
    /// The listener in the form in which `serve_with_incoming_shutdown` of a tonic server takes it.
    ///
    /// The stream does not end when the listener has closed itself, for that would have tonic close
    /// its connections at once. Its stop signal does so in time:
    /// [`stop_accepting`](crate::Connections::shutdown_signal).
    ///
    /// ```no_run
    /// # #[expect(dead_code, reason = "shown, not run")]
    /// # async fn f(
    /// #     server: tonic::transport::server::Router, connections: lameduck_server::Connections,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// # use lameduck_server::Listener;
    /// let listener = Listener::bind("[::]:50051", &connections).await?;
    /// let stop = connections.shutdown_signal();
    /// server.serve_with_incoming_shutdown(listener.into_incoming(), stop).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub const fn into_incoming(self) -> Incoming<L> {
        Incoming { listener: self }
    }
}

/// Nothing of it is ever pinned.
impl<L: Source> Unpin for Incoming<L> {}

impl<L: Source> Stream for Incoming<L> {
    type Item = io::Result<Tracked<L::Io>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().listener.poll_accept(cx).map(|(io, _)| Some(Ok(io)))
    }
}

impl<L: Source> fmt::Debug for Incoming<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener } = self;
        f.debug_struct("Incoming").field("listener", listener).finish()
    }
}

/// What the socket under it tells tonic's handlers: for TCP, both addresses.
impl<I: Socket + Connected> Connected for Tracked<I> {
    type ConnectInfo = I::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.get_ref().connect_info()
    }
}

/// As the TCP connection inside.
#[cfg(feature = "tls")]
impl Connected for crate::TlsSocket<tokio::net::TcpStream> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        let unknown = TcpConnectInfo { local_addr: None, remote_addr: None };
        self.get_ref().map_or(unknown, Connected::connect_info)
    }
}
