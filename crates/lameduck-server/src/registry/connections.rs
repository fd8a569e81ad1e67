//! The handle on all connections of a server.

use std::{
    fmt,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use lameduck_core::{Phase, PhaseWatch, plumbing::wait_until};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{registry::Registry, tracked_io::TrackedIo};
use crate::{ConnectionInfo, ConnectionTotals, ListenerClosed, ListenerEnd, Socket, SocketOptions};

/// All open connections of a server, from their accept to the close of their socket.
///
/// Clones share them. A connection counts for as long as its IO lives, in the server or in a task
/// that got it by an upgrade (WebSocket).
#[derive(Clone)]
pub struct Connections {
    registry: Arc<Registry>,
}

impl Connections {
    /// Makes a handle without connections. [`Listener`](crate::Listener)s add them.
    ///
    /// An option that cannot work is logged as an error, and the nearest value that works is used:
    /// see [`SocketOptions::check`].
    #[must_use]
    pub fn new(watch: PhaseWatch, options: SocketOptions) -> Self {
        Self { registry: Arc::new(Registry::new(watch, options)) }
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What becomes of the listeners when draining begins.
    #[must_use]
    pub fn listener_end(&self) -> ListenerEnd {
        self.registry.options.listener_end
    }

    /// The number of connections whose socket is open now. A snapshot: to wait, use
    /// [`all_closed`](Self::all_closed).
    #[must_use]
    pub fn count(&self) -> usize {
        self.registry.count()
    }

    /// Completes when no connection is open, at once if none is.
    ///
    /// More may come while a listener is open: wait for
    /// [`listeners_closed`](Self::listeners_closed) first.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn all_closed(&self) {
        let emptied = &self.registry.emptied;
        wait_until(|| emptied.notified(), || (self.count() == 0).then_some(())).await;
    }

    /// Every open connection, the oldest first. Takes a lock and reads each connection.
    #[must_use]
    pub fn list(&self) -> Vec<ConnectionInfo> {
        self.registry.list()
    }

    /// Numbers over the whole life of the server. Takes a lock and reads each open connection.
    #[must_use]
    pub fn totals(&self) -> ConnectionTotals {
        self.registry.totals()
    }

    /// Closes every open connection by force, and returns how many.
    ///
    /// The next call on the IO of a connection fails, the tasks that used it last are woken, and
    /// the socket is shut down in both directions. So a connection ends while its task waits for
    /// the client, for a handler or for a timer. An IO that is not polled cannot be reached, for
    /// example because its task blocks its thread: its client sees the end of the connection, but
    /// it stays open here and is counted.
    ///
    /// Bytes that the kernel has already taken are still sent.
    #[expect(clippy::must_use_candidate, reason = "the number is for a report")]
    pub fn abort_all(&self) -> usize {
        self.registry.abort()
    }

    /// Completes when draining has begun and every listener has closed, and returns how they
    /// closed.
    ///
    /// A listener whose `accept` is not called closes when it is dropped, so bound this wait.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn listeners_closed(&self) -> ListenerClosed {
        self.registry.watch.reached(Phase::Draining).await;
        wait_until(|| self.registry.closed.notified(), || self.registry.ended()).await
    }

    /// Completes when a server may close its idle connections.
    ///
    /// Pass it to `with_graceful_shutdown` of `axum::serve`, or wait for it in a loop of your own
    /// and then call `graceful_shutdown` on every connection. That call closes idle HTTP/1
    /// connections without notice, so it must come late. The signal comes when draining has begun,
    /// the listeners have closed or the time for the accept queue is over, and every connection
    /// that is not HTTP/2 or upgraded
    ///
    /// - is closed, because an answer of the drain layer notified its client, or
    /// - has been idle for the idle grace, if it was answered, or
    /// - began its request longer ago than the first-byte grace, if it is not answered yet, or
    /// - has not sent a byte within the first-byte grace;
    ///
    /// but with [`Phase::Cancelling`] at the latest. It polls nothing at intervals: the close of
    /// the last connection that held it wakes it. Before it completes, it checks once more for
    /// bytes that came and were not read yet.
    ///
    /// The grace of a request begins with its first byte, and no later byte prolongs it. A first
    /// head that is not whole by then ends like a closed connection, and half a later head is
    /// closed by the server as idle. So no client can hold the stop with half a request.
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + use<> {
        let connections = self.clone();
        async move {
            let cancelling = connections.registry.watch.reached(Phase::Cancelling);
            first_of(cancelling, connections.all_may_close()).await;
            connections.registry.release();
        }
    }

    async fn all_may_close(&self) {
        self.registry.watch.reached(Phase::Draining).await;
        let mut since = self.registry.draining_since();
        if self.registry.options.listener_end == ListenerEnd::KeepOpen {
            // The listeners close after the clients from before draining may leave, and before
            // later ones.
            self.registry.mark_before_draining();
            self.none_holds(true).await;
            self.registry.settle_before_draining();
            since = Instant::now();
        }
        // A listener whose `accept` is not called never closes, and others have the same bound.
        let until = self.registry.accept_queue_until(since);
        _ = timeout_at(until, self.listeners_closed()).await;
        self.none_holds(false).await;
    }

    async fn none_holds(&self, only_before_draining: bool) {
        loop {
            // Made before the scan, so that a close in between is not missed.
            let freed = self.registry.freed.notified();
            let Some(at) = self.registry.scan(only_before_draining) else { return };
            first_of(freed, sleep_until(at)).await;
        }
    }

    /// Completes when every client that was connected at the start of a stop is notified: the
    /// moment for streams and WebSockets to end.
    ///
    /// A stream that ends as soon as lame duck begins makes its client send the next request, which
    /// comes here again. A stream that waits for this ends when the other clients have left. It
    /// completes when lame duck (or draining) has begun, and every connection that was open at the
    /// first call in that stop
    ///
    /// - has got an answer with `Connection: close`, or
    /// - has got GOAWAY (from an own server with lame duck, else with the stop signal), or
    /// - was idle to the end of its grace while draining, or
    /// - is closed;
    ///
    /// and with [`Phase::Cancelling`] at the latest. Clients that connect later are notified by
    /// their first answer and are not waited for. Neither are connections that cannot be notified:
    /// upgraded ones, and those whose answer had begun before, such as the stream that waits for
    /// this. A stock server shows such an answer only by its next bytes, so a stream without events
    /// delays its own wait for as long as an idle connection does.
    ///
    /// If the stop is cancelled before that, this waits for the next stop.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use lameduck_core::{Phase, phase_channel};
    /// use lameduck_server::{Connections, SocketOptions};
    ///
    /// let (phase, watch) = phase_channel();
    /// let connections = Connections::new(watch, SocketOptions::new());
    /// phase.publish(Phase::LameDuck);
    /// connections.all_notified().await; // no client is connected
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn all_notified(&self) {
        let watch = &self.registry.watch;
        loop {
            watch.reached(Phase::LameDuck).await;
            let Some(stop) = watch.stop_number() else { continue };
            first_of(watch.stop_cancelled(stop), self.none_unnotified()).await;
            // If the stop is cancelled, no client leaves, and the next stop waits for its own
            // clients.
            if watch.stop_number() == Some(stop) {
                return;
            }
        }
    }

    /// Marks the connections to notify, and waits until none is left, or for cancelling.
    async fn none_unnotified(&self) {
        let Registry { watch, unnotified, .. } = &*self.registry;
        let none_left = unnotified.none_left();
        self.registry.mark_unnotified();
        let all = wait_until(
            || none_left.notified(),
            // The marking wakes no waiter, and another one may wait for its result.
            || unnotified.is_empty().then(|| none_left.notify_waiters()),
        );
        first_of(watch.reached(Phase::Cancelling), all).await;
    }

    /// Tracks a connection that a loop of your own accepted, and sets its options.
    ///
    /// [`Listener`](crate::Listener) does this for what it accepts.
    pub fn track<I: Socket>(&self, io: I, peer: Option<SocketAddr>) -> TrackedIo<I> {
        io.configure(&self.registry.options);
        self.track_raw(io, peer)
    }

    pub(crate) fn track_raw<I: Socket>(&self, io: I, peer: Option<SocketAddr>) -> TrackedIo<I> {
        TrackedIo::new(io, peer, Arc::clone(&self.registry))
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { registry } = self;
        f.debug_struct("Connections").field("registry", registry).finish()
    }
}

/// Completes with the first of the two.
async fn first_of(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(cx),
    })
    .await;
}
