//! TCP: how new clients are stopped while handshakes under way still end.
//!
//! Linux drops a segment for a *listener* whose TTL is below `IP_MINTTL` (`IPV6_MINHOPCOUNT`). Only
//! routers send with a TTL of 255, so 255 drops every SYN. The last packet of a handshake belongs
//! to another socket and passes. A client sends its SYN again a second later, finds the port closed
//! and knows that nothing was executed.

use std::{
    io,
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use lameduck_core::plumbing::log_later;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::{
    accept::accept_now,
    sys::Handle,
    traits::{
        Accepted,
        sealed::{Accept, Configure},
    },
};
use crate::{Socket, SocketListener, SocketOptions};

impl Socket for TcpStream {}

impl Configure for TcpStream {
    fn configure(&self, options: &SocketOptions) {
        configure(&SockRef::from(self), options);
    }

    fn handle(&self) -> Handle {
        Handle::of(self)
    }
}

impl SocketListener for TcpListener {
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
        let Some((socket, addr)) = accept_now(self.into())? else { return Ok(None) };
        let addr = addr.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some((TcpStream::from_std(socket.into())?, addr)))
    }

    fn refuse_new(&self) -> io::Result<()> {
        refuse_new::set_least_ttl(self, Self::local_addr(self)?.is_ipv6(), 255)
    }

    fn filter_syns(&self) -> io::Result<()> {
        refuse_new::filter_syns(self)
    }

    fn queued(&self) -> Option<u64> {
        refuse_new::queued(self)
    }

    fn admit(io: &TcpStream) -> io::Result<()> {
        refuse_new::set_least_ttl(io, io.local_addr()?.is_ipv6(), 0)
    }

    fn handshakes(&self) -> Option<bool> {
        refuse_new::handshakes(Self::local_addr(self).ok()?)
    }
}

/// Sets the options of a connection, or of a listening socket whose connections inherit them.
///
/// Each option on its own: if the system does not accept one, the others are still set.
pub(crate) fn configure(socket: &socket2::Socket, options: &SocketOptions) {
    warn_of("TCP_NODELAY", socket.set_tcp_nodelay(options.nodelay));
    if let Some(silence) = options.tcp_keepalive {
        let silence = silence.clamp(Duration::from_secs(1), SocketOptions::LONGEST_KEEPALIVE);
        let again = (silence / 4).max(Duration::from_secs(1));
        let keepalive = TcpKeepalive::new().with_time(silence).with_interval(again);
        #[cfg(unix)]
        let keepalive = keepalive.with_retries(4);
        warn_of("SO_KEEPALIVE", socket.set_tcp_keepalive(&keepalive));
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(timeout) = options.tcp_user_timeout {
        let longest = SocketOptions::LONGEST_USER_TIMEOUT;
        let timeout = timeout.clamp(Duration::from_millis(1), longest);
        warn_of("TCP_USER_TIMEOUT", socket.set_tcp_user_timeout(Some(timeout)));
    }
}

fn warn_of(option: &'static str, set: io::Result<()>) {
    if let Err(error) = set {
        let error = error.to_string();
        log_later!(
            warn,
            "socket.option",
            { option, error },
            "the system did not accept an option of a socket"
        );
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod refuse_new {
    use std::{io, net::SocketAddr, os::fd::AsFd};

    use socket2::{Domain, SockFilter, SockRef};

    use super::super::{
        sock_diag,
        sys::{get_option, set_option},
    };

    /// "Load byte", "and", "jump if equal" and "return" of classic BPF.
    const LDB: u16 = 0x30;
    const AND: u16 = 0x54;
    const JEQ: u16 = 0x15;
    const RET: u16 = 0x06;
    const SYN: u32 = 0x02;
    const SYN_OR_ACK: u32 = 0x12;

    /// Drops the SYN without ACK that begins a handshake. The filter of a TCP socket sees a segment
    /// from its header on, whose flags are its byte 13.
    pub(super) fn filter_syns(socket: &impl AsFd) -> io::Result<()> {
        SockRef::from(socket).attach_filter(&[
            SockFilter::new(LDB, 0, 0, 13),
            SockFilter::new(AND, 0, 0, SYN_OR_ACK),
            SockFilter::new(JEQ, 0, 1, SYN),
            SockFilter::new(RET, 0, 0, 0),
            SockFilter::new(RET, 0, 0, u32::MAX),
        ])
    }

    /// A listener's `tcpi_unacked`, at byte 24 of `tcp_info`, is the length of its queue.
    pub(super) fn queued(socket: &impl AsFd) -> Option<u64> {
        const AT: usize = 24;
        let mut info = [0; AT + 4];
        let len = get_option(socket.as_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, &mut info).ok()?;
        let unacked = info.get(..len)?.get(AT..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*unacked).into())
    }

    pub(super) fn set_least_ttl(socket: &impl AsFd, is_ipv6: bool, ttl: i32) -> io::Result<()> {
        let fd = socket.as_fd();
        let v4 = |ttl| set_option(fd, libc::IPPROTO_IP, libc::IP_MINTTL, ttl);
        if !is_ipv6 {
            return v4(ttl);
        }
        set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, ttl)?;
        // The option of one family does not concern the other, and a dual-stack socket serves both.
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
        sock_diag::under_way(family, addr.port()).ok()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod refuse_new {
    use std::{io, net::SocketAddr};

    pub(super) fn set_least_ttl<T>(_socket: &T, _is_ipv6: bool, _ttl: i32) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn filter_syns<T>(_socket: &T) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) const fn queued<T>(_socket: &T) -> Option<u64> {
        None
    }

    pub(super) const fn handshakes(_addr: SocketAddr) -> Option<bool> {
        None
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::*;

    #[test]
    fn an_option_that_is_refused_leaves_the_others_to_be_set() {
        // A socket that has no TCP options, but has keep-alive.
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        assert!(socket.set_tcp_nodelay(true).is_err(), "the first option is refused");
        configure(&socket, &SocketOptions::new());
        assert!(socket.keepalive().unwrap());
    }
    #[tokio::test]
    async fn a_filter_stops_new_clients_and_needs_a_privilege() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut early = TcpStream::connect(addr).await.unwrap();
        if let Err(error) = listener.filter_syns() {
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            return;
        }
        let late = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(addr));
        assert!(late.await.is_err(), "nobody answers its SYN");
        // The connection in the queue is not affected: its bytes arrive at once.
        assert_eq!(listener.queued(), Some(1));
        let (mut accepted, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut early, b"quack").await.unwrap();
        let mut bytes = [0; 5];
        tokio::io::AsyncReadExt::read_exact(&mut accepted, &mut bytes).await.unwrap();
        assert_eq!((&bytes, listener.queued()), (b"quack", Some(0)));
    }
}
