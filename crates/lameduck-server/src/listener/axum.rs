//! What axum needs: the listener for `axum::serve`, and the address of a client for its handlers.

use std::io;

use axum::{
    extract::ConnectInfo,
    http::Extensions,
    serve::{ListenerExt as _, TapIo},
};
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

/// The extensions of a request in which axum's handlers find `ConnectInfo` with this address.
///
/// For a service on the [own server](crate::serve_make_service) that adds them itself: make them
/// once for a connection, and add a clone to each request. They have capacity for what a router
/// adds, so the clone is the only allocation.
pub fn connect_info_extensions<A: Clone + Send + Sync + 'static>(peer: A) -> Extensions {
    // A router adds three, and the map grows for the fourth. A clone of a map has the capacity of
    // the original, so these four make the room.
    #[derive(Clone)]
    struct Room<const N: u8>;

    let mut extensions = Extensions::new();
    extensions.insert(Room::<0>);
    extensions.insert(Room::<1>);
    extensions.insert(Room::<2>);
    extensions.insert(Room::<3>);
    extensions.clear();
    extensions.insert(ConnectInfo(peer));
    extensions
}
