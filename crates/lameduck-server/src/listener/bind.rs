//! Binds a TCP listener. An error says what to do.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, ToSocketAddrs, lookup_host};

use crate::{SocketOptions, socket::configure};

/// The socket that listens on the first of the addresses that can be bound.
pub(super) async fn bind(
    addr: impl ToSocketAddrs,
    options: &SocketOptions,
) -> io::Result<TcpListener> {
    options.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut last = None;
    for addr in lookup_host(addr).await? {
        match bind_one(addr, options) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(explain(addr, error)),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on")
    }))
}

fn bind_one(addr: SocketAddr, options: &SocketOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option means that two sockets may listen on one port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        share_port(&socket)?;
    }
    if addr.is_ipv6() && addr.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    // Before the listen, so that no connection is older than the options that it inherits.
    configure(&socket, options);
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

/// Lets other sockets listen on the same port, and warns where the kernel drops their handshakes.
#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)?;
    #[cfg(target_os = "linux")]
    if std::fs::read_to_string(MIGRATE_REQ).is_ok_and(|text| text.trim() == "0") {
        tracing::warn!(
            event = "listener.no_migration",
            "net.ipv4.tcp_migrate_req is 0: when one of several listeners closes, clients in a \
             handshake with it try again after a second. Set it to 1 to pass them to the others"
        );
    }
    Ok(())
}

#[cfg(not(all(
    unix,
    not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))
)))]
fn share_port(_socket: &Socket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system cannot share a port"))
}

/// Whether the kernel passes handshakes under way to another listener of the port (since 5.14).
#[cfg(target_os = "linux")]
const MIGRATE_REQ: &str = "/proc/sys/net/ipv4/tcp_migrate_req";

fn explain(addr: SocketAddr, error: io::Error) -> io::Error {
    let port = addr.port();
    let fix = match error.kind() {
        io::ErrorKind::AddrInUse if cfg!(target_os = "linux") => format!(
            ": another process listens there. Stop it (`ss -ltnp 'sport = :{port}'` names it) or \
             choose another port"
        ),
        io::ErrorKind::AddrInUse => {
            ": another process listens there. Stop it or choose another port".to_owned()
        }
        io::ErrorKind::PermissionDenied if port < 1024 => {
            ": ports below 1024 need a privilege. Choose a higher one, or let the service manager \
             bind it"
                .to_owned()
        }
        io::ErrorKind::AddrNotAvailable => {
            ": no interface of this machine has the address. `0.0.0.0` or `[::]` is every one"
                .to_owned()
        }
        _ => String::new(),
    };
    io::Error::new(error.kind(), format!("cannot listen on {addr}: {error}{fix}"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::sync::{Arc, Mutex};

    use lameduck_core::phase_channel;
    use tracing::{Event, Metadata, Subscriber, span};

    use super::*;
    use crate::{Connections, Listener};

    /// Keeps the text of each event.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Log {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.is_event()
        }

        fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

        fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

        fn event(&self, event: &Event<'_>) {
            let mut text = String::new();
            event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                text.push_str(&format!("{field}={value:?} "));
            });
            self.0.lock().unwrap().push(text);
        }

        fn enter(&self, _span: &span::Id) {}

        fn exit(&self, _span: &span::Id) {}
    }

    #[tokio::test]
    async fn a_port_is_shared_with_a_warning_where_the_kernel_drops_handshakes() {
        let (_, watch) = phase_channel();
        let log = Log::default();
        let guard = tracing::subscriber::set_default(log.clone());
        for shared in [false, true] {
            let mut options = SocketOptions::new();
            options.reuse_port = shared;
            let connections = Connections::new(watch.clone(), options);
            drop(Listener::bind("127.0.0.1:0", &connections).await.unwrap());
            let warns = log.0.lock().unwrap().iter().any(|text| text.contains("tcp_migrate_req"));
            let lets_go = std::fs::read_to_string(MIGRATE_REQ).is_ok_and(|text| text == "0\n");
            assert_eq!(warns, shared && lets_go);
        }
        drop(guard);
    }
}
