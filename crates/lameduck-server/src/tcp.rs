//! TCP: how new clients are kept out while those who are half way in are still let in.
//!
//! Linux drops a segment for a *listener* whose TTL is below `IP_MINTTL` (`IPV6_MINHOPCOUNT`)
//! without a word. Nobody starts at 255 but routers, so 255 stops every SYN, while the last packet
//! of a handshake belongs to another socket, which is not asked. The client sends its SYN again a
//! second later, finds the port closed and knows that nothing was executed.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    ServerOptions, Socket, Source,
    source::{
        Accepted,
        sealed::{Accept, Configure},
    },
};

impl Socket for TcpStream {}

impl Configure for TcpStream {
    fn configure(&self, options: &ServerOptions) {
        configure(&SockRef::from(self), options);
    }
}

impl Source for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;
}

impl Accept for TcpListener {
    const CERTAIN_AFTER: Duration = Duration::from_millis(2);

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }

    fn peer(addr: &SocketAddr) -> Option<SocketAddr> {
        Some(*addr)
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<Self>>> {
        Self::poll_accept(self, cx)
    }

    fn accept_now(&self) -> io::Result<Option<Accepted<Self>>> {
        let (socket, addr) = match SockRef::from(self).accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        socket.set_nonblocking(true)?;
        let addr = addr.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some((TcpStream::from_std(socket.into())?, addr)))
    }

    fn keep_out(&self) -> io::Result<()> {
        keep_out::set_least_ttl(self, Self::local_addr(self)?.is_ipv6(), 255)
    }

    fn let_in(io: &TcpStream) -> io::Result<()> {
        keep_out::set_least_ttl(io, io.local_addr()?.is_ipv6(), 0)
    }

    fn handshakes(&self) -> Option<bool> {
        keep_out::handshakes(Self::local_addr(self).ok()?)
    }
}

/// Sets the options of a connection, or of a socket to listen on that hands them down.
pub(crate) fn configure(socket: &socket2::Socket, options: &ServerOptions) {
    if let Err(error) = set_options(socket, options) {
        tracing::warn!(%error, "an option of a socket was refused");
    }
}

fn set_options(socket: &socket2::Socket, options: &ServerOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(options.nodelay)?;
    if let Some(silence) = options.keepalive {
        let silence = silence.max(Duration::from_secs(1));
        let again = (silence / 4).max(Duration::from_secs(1));
        let keepalive = TcpKeepalive::new().with_time(silence).with_interval(again);
        #[cfg(unix)]
        let keepalive = keepalive.with_retries(4);
        socket.set_tcp_keepalive(&keepalive)?;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if options.user_timeout.is_some() {
        socket.set_tcp_user_timeout(options.user_timeout)?;
    }
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod keep_out {
    use std::{io, net::SocketAddr, os::fd::AsFd};

    use socket2::{Domain, SockRef};

    use crate::{handshakes, sys::set_option};

    pub(super) fn set_least_ttl(socket: &impl AsFd, is_ipv6: bool, ttl: i32) -> io::Result<()> {
        let fd = socket.as_fd();
        let v4 = |ttl| set_option(fd, libc::IPPROTO_IP, libc::IP_MINTTL, ttl);
        if !is_ipv6 {
            return v4(ttl);
        }
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, ttl)?;
        // The option of one family leaves the other open, and a dual-stack socket serves both.
        if SockRef::from(&fd).only_v6().unwrap_or(false) {
            return Ok(());
        }
        v4(ttl).inspect_err(|_| {
            _ = set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, 0);
        })
    }

    pub(super) fn handshakes(addr: SocketAddr) -> Option<bool> {
        // IPv4 clients of a dual-stack listener are listed with the listener's family.
        let family = if addr.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
        handshakes::under_way(family, addr.port()).ok()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod keep_out {
    use std::{io, net::SocketAddr};

    pub(super) fn set_least_ttl<T>(_socket: &T, _is_ipv6: bool, _ttl: i32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) const fn handshakes(_addr: SocketAddr) -> Option<bool> {
        None
    }
}
