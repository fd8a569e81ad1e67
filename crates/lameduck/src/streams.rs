//! Streams that end with the server, and when.

use futures_core::Stream;
use lameduck_core::Phase;
use lameduck_drain::{UntilDrain, UntilDrainLayer, until_drain};

use crate::Lameduck;

impl Lameduck {
    /// A layer for routes of event streams: they end when draining begins, and say when to come
    /// back. See [`UntilDrainLayer`].
    pub fn end_streams(&self) -> UntilDrainLayer {
        UntilDrainLayer::new(self.watch())
    }

    /// Ends a stream when draining begins, see [`until_drain`]. A handler, which has no `Lameduck`,
    /// takes [`watch`](Self::watch) along and calls that.
    pub fn until_drain<S: Stream>(&self, stream: S) -> UntilDrain<S> {
        until_drain(stream, self.watch())
    }

    /// Completes when the server begins to turn requests away: the last moment to tell streams and
    /// WebSockets goodbye. Starts, so that the stop is heard; a handler takes [`watch`](Self::watch)
    /// along instead.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static {
        self.start();
        self.watch.reached(Phase::Draining)
    }

    /// Completes when everybody who was connected at the begin of a stop knows of it: from then on
    /// streams may leave, though the server still serves.
    ///
    /// A handler takes [`connections`](Self::connections) along instead, and waits for
    /// [`all_notified`](lameduck_server::Connections::all_notified), which says who is waited for.
    pub fn all_notified(&self) -> impl Future<Output = ()> + Send + 'static {
        let connections = self.connections().clone();
        async move { connections.all_notified().await }
    }
}
