//! What axum needs: the listener for `axum::serve`, and the client's address for handlers.

use std::io;

use axum::{extract::ConnectInfo, http::Extensions};

use crate::{Listener, SocketListener, TrackedIo};

impl<L: SocketListener> axum::serve::Listener for Listener<L> {
    type Io = TrackedIo<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.accept().await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.local_addr()
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
