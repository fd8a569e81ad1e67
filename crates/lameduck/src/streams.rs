//! Streams that end with the server.

use futures_core::Stream;
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
}
