//! Unix sockets. A listener that is shut for reading refuses new clients, and its queue can still
//! be accepted from. There is no handshake, so none can be under way.

use std::{
    io,
    net::{Shutdown, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::net::{UnixListener, UnixStream, unix};

use super::{
    accept::accept_now,
    sys::Handle,
    traits::{
        Accepted,
        sealed::{Accept, Configure},
    },
};
use crate::{Socket, SocketListener, SocketOptions};

impl Socket for UnixStream {}

impl Configure for UnixStream {
    /// There are no options.
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
        let Some((socket, _)) = accept_now(self.into())? else { return Ok(None) };
        let io = UnixStream::from_std(socket.into())?;
        let addr = io.peer_addr()?;
        Ok(Some((io, addr)))
    }

    fn refuse_new(&self) -> io::Result<()> {
        // Linux only: on other systems it is an error, or it drops the queue.
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
