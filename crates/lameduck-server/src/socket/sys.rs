//! The system calls that no safe library offers. All of this crate's `unsafe` is here.
#![expect(unsafe_code, reason = "three calls that take a bare descriptor, each argued for")]

use std::{mem::MaybeUninit, net::Shutdown};

use socket2::SockRef;

#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
#[cfg(windows)]
use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

/// The number of an open socket, without ownership.
///
/// The number must be forgotten before the socket is closed, because another socket may get it
/// then. The registry sees to that: a connection leaves it, under its lock, before its socket is
/// dropped, and other tasks use the handle only under that lock. The IO that owns the socket may
/// use it without the lock.
#[derive(Clone, Copy, Debug)]
#[expect(unnameable_types, reason = "of a sealed trait")]
pub struct Handle {
    #[cfg(unix)]
    raw: RawFd,
    #[cfg(windows)]
    raw: RawSocket,
}

impl Handle {
    #[cfg(unix)]
    pub(crate) fn of(socket: &impl AsFd) -> Self {
        Self { raw: socket.as_fd().as_raw_fd() }
    }

    #[cfg(windows)]
    pub(crate) fn of(socket: &impl AsSocket) -> Self {
        Self { raw: socket.as_socket().as_raw_socket() }
    }

    /// Closes both directions. Tasks that wait for the socket wake up.
    pub(crate) fn shutdown(self) {
        // An error means that the client is gone already.
        _ = self.with(|socket| socket.shutdown(Shutdown::Both));
    }

    /// Whether there are unread bytes.
    pub(crate) fn has_unread(self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        // The call does not block: tokio has made the socket nonblocking.
        self.with(|socket| socket.peek(&mut byte)).is_ok_and(|n| n > 0)
    }

    fn with<T>(self, f: impl FnOnce(SockRef<'_>) -> T) -> T {
        // SAFETY: the number belongs to an open socket for as long as the registry knows it (see
        // the type's doc), so it is open for as long as the borrow, which ends in this function.
        #[cfg(unix)]
        let socket = unsafe { BorrowedFd::borrow_raw(self.raw) };
        // SAFETY: as above.
        #[cfg(windows)]
        let socket = unsafe { BorrowedSocket::borrow_raw(self.raw) };
        f(SockRef::from(&socket))
    }
}

/// Sets a socket option that is a whole number.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn set_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> std::io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open for as long as it is borrowed. The kernel reads `size` bytes
    // from the pointer, which is what `value` has, and keeps no pointer.
    let answer = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size)
    };
    if answer == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Reads a socket option into `value`, and returns its length.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn get_option(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &mut [u8],
) -> std::io::Result<usize> {
    let mut size = libc::socklen_t::try_from(value.len()).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the descriptor is open for as long as it is borrowed. The kernel writes at most
    // `size` bytes to the pointer, no more than `value` has, and keeps no pointer.
    let answer = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level, name, value.as_mut_ptr().cast(), &raw mut size)
    };
    if answer == 0 { Ok(size as usize) } else { Err(std::io::Error::last_os_error()) }
}
