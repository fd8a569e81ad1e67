//! An accept that does not wait for the reactor.

use std::io;

use socket2::{SockAddr, SockRef, Socket};

/// The next connection of the queue, nonblocking, or `None` if the queue is empty.
pub(super) fn accept_now(listener: SockRef<'_>) -> io::Result<Option<(Socket, SockAddr)>> {
    let (socket, addr) = match listener.accept() {
        Ok(accepted) => accepted,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
        Err(error) => return Err(error),
    };
    socket.set_nonblocking(true)?;
    Ok(Some((socket, addr)))
}
