//! Our listener on a stock `axum::serve`.

use std::io;

use axum::serve::{ListenerExt as _, TapIo};
use tokio::net::TcpListener;

use crate::{Listener, Source, Tracked};

/// A [`Listener`] as [`Listener::into_axum`] makes it.
pub type AxumListener<L = TcpListener> = TapIo<Listener<L>, fn(&mut Tracked<<L as Source>::Io>)>;

impl<L: Source> axum::serve::Listener for Listener<L> {
    type Io = Tracked<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.accept().await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.local_addr()
    }
}

impl<L: Source> Listener<L> {
    /// The listener in a form for which axum's own `ConnectInfo<SocketAddr>` works.
    ///
    /// axum 0.8 knows the peer's address of its own listeners and of what its `tap_io` returns,
    /// and no other crate can teach it more. So this is `tap_io` with nothing to tap. Without it
    /// everything works but `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn into_axum(self) -> AxumListener<L> {
        self.tap_io(|_| {})
    }
}
