//! A socket that returns to its owner when its user drops it.
//!
//! The registry closes a socket by force through its number, so the socket must stay open until its
//! connection has left the registry (see [`crate::socket::Handle`]). A handshake that fails or
//! panics drops its IO, and with this the socket survives.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The place where the socket returns to.
#[derive(Debug)]
pub(super) struct ReturnSlot<I> {
    place: Arc<Mutex<Option<I>>>,
}

impl<I> ReturnSlot<I> {
    /// Wraps a socket, and makes its place.
    pub(super) fn pass_on(io: I) -> (Self, Returning<I>) {
        let place = Arc::default();
        let returning = Returning { io: Some(io), place: Arc::clone(&place) };
        (Self { place }, returning)
    }

    /// Uses the socket, if it has returned.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut I) -> T) -> Option<T> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(f)
    }
}

/// The socket in use.
#[derive(Debug)]
pub(super) struct Returning<I> {
    // Taken by the drop.
    io: Option<I>,
    place: Arc<Mutex<Option<I>>>,
}

impl<I> Returning<I> {
    pub(super) const fn get_ref(&self) -> Option<&I> {
        self.io.as_ref()
    }

    fn get(&mut self) -> io::Result<&mut I> {
        self.io.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<I> Drop for Returning<I> {
    fn drop(&mut self) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = self.io.take();
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Returning<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.get()?).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Returning<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get()?).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.get()?).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get()?).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get()?).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_comes_back_however_its_user_ends() {
        let (slot, returning) = ReturnSlot::pass_on(7);
        assert_eq!(slot.with(|io| *io), None);
        assert_eq!(returning.get_ref(), Some(&7));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _in_use = returning;
            panic!("as a handshake might");
        }));
        assert!(panicked.is_err());
        assert_eq!(slot.with(|io| *io), Some(7));
    }
}
