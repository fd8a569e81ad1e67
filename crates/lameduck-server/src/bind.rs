//! Binds a TCP listener, and says clearly why it could not be.

use std::{io, net::SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, ToSocketAddrs, lookup_host};

use crate::{Connections, Listener, ServerOptions, tcp::configure};

impl Listener {
    /// Binds a TCP listener to the first address that can be bound.
    ///
    /// A port that was used a moment ago can be used again at once (`SO_REUSEADDR`), and `[::]`
    /// serves IPv4 as well. The backlog and the options of connections are those of
    /// [`ServerOptions`].
    ///
    /// # Errors
    ///
    /// Names the address, and says what to do when its port is in use or privileged.
    pub async fn bind(addr: impl ToSocketAddrs, connections: &Connections) -> io::Result<Self> {
        let mut last = None;
        for addr in lookup_host(addr).await? {
            match bind(addr, &connections.registry().options) {
                // Linux hands a listener's options down to what is accepted from it.
                Ok(socket) => {
                    let inherits = cfg!(any(target_os = "linux", target_os = "android"));
                    return Ok(Self::with_inherits(socket, connections, inherits));
                }
                Err(error) => last = Some(explain(addr, error)),
            }
        }
        Err(last.unwrap_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "there is no address to listen on")
        }))
    }
}

fn bind(addr: SocketAddr, options: &ServerOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option means something else: that two may listen on one port.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() && addr.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    // Before the listen, so that no connection can be older than the options it inherits.
    configure(&socket, options);
    socket.bind(&addr.into())?;
    socket.listen(i32::try_from(options.backlog).unwrap_or(i32::MAX))?;
    TcpListener::from_std(socket.into())
}

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
