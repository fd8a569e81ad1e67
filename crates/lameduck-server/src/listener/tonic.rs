//! The listener as the incoming connections of a tonic server.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use tonic::transport::server::Connected;
#[cfg(feature = "tls")]
use tonic::transport::server::TcpConnectInfo;

use super::TonicIncoming;
use crate::{Socket, SocketListener, TrackedIo};

/// No field is ever pinned.
impl<L: SocketListener> Unpin for TonicIncoming<L> {}

impl<L: SocketListener> Stream for TonicIncoming<L> {
    type Item = io::Result<TrackedIo<L::Io>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().listener.poll_accept(cx).map(|(io, _)| Some(Ok(io)))
    }
}

impl<L: SocketListener> fmt::Debug for TonicIncoming<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener } = self;
        f.debug_struct("TonicIncoming").field("listener", listener).finish()
    }
}

/// What tonic's handlers learn of the socket: for TCP, both addresses.
impl<I: Socket + Connected> Connected for TrackedIo<I> {
    type ConnectInfo = I::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.get_ref().connect_info()
    }
}

/// As the TCP connection inside of it.
#[cfg(feature = "tls")]
impl Connected for crate::TlsSocket<tokio::net::TcpStream> {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        let unknown = TcpConnectInfo { local_addr: None, remote_addr: None };
        self.get_ref().map_or(unknown, Connected::connect_info)
    }
}
