//! Unix sockets: a listener that is shut for reading refuses new clients, and still gives out
//! those that are in its queue. There is no handshake, so nothing can be half way through.

use std::{
    io,
    net::{Shutdown, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::net::{UnixListener, UnixStream, unix};

use super::{
    sys::Handle,
    traits::{
        Accepted,
        sealed::{Accept, Configure},
    },
};
use crate::{Socket, SocketListener, SocketOptions};

impl Socket for UnixStream {}

impl Configure for UnixStream {
    /// There are none.
    fn configure(&self, _options: &SocketOptions) {}

    fn handle(&self) -> Handle {
        Handle::of(self)
    }
}

impl SocketListener for UnixListener {
    type Io = UnixStream;
    type Addr = unix::SocketAddr;
}

impl Accept for UnixListener {
    const CERTAIN_AFTER: Duration = Duration::ZERO;

    fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        Self::local_addr(self)
    }

    fn peer(_addr: &unix::SocketAddr) -> Option<SocketAddr> {
        None
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<Self>>> {
        Self::poll_accept(self, cx)
    }

    fn accept_now(&self) -> io::Result<Option<Accepted<Self>>> {
        let (socket, _) = match SockRef::from(self).accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        socket.set_nonblocking(true)?;
        let io = UnixStream::from_std(socket.into())?;
        let addr = io.peer_addr()?;
        Ok(Some((io, addr)))
    }

    fn refuse_new(&self) -> io::Result<()> {
        // Linux only: elsewhere it is an error, or it empties the queue.
        if cfg!(any(target_os = "linux", target_os = "android")) {
            SockRef::from(self).shutdown(Shutdown::Read)
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn admit(_io: &UnixStream) -> io::Result<()> {
        Ok(())
    }

    fn handshakes(&self) -> Option<bool> {
        Some(false)
    }
}
