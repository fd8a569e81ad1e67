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
/// Clones share them. A connection counts for as long as its IO lives, whoever holds it: the
/// server, or a task that an upgrade (WebSocket) handed it to.
#[derive(Clone)]
pub struct Connections {
    registry: Arc<Registry>,
}

impl Connections {
    /// Makes a handle without connections. [`Listener`](crate::Listener)s feed it.
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
    /// [`idle`](Self::all_closed).
    #[must_use]
    pub fn count(&self) -> usize {
        self.registry.count()
    }

    /// Completes when no connection is open, at once if none is.
    ///
    /// More may come as long as a listener is open: wait for [`closed`](Self::listeners_closed) first.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn all_closed(&self) {
        let emptied = &self.registry.emptied;
        wait_until(|| emptied.notified(), || (self.count() == 0).then_some(())).await;
    }

    /// Every open connection, the oldest first. Takes a lock and looks at each.
    #[must_use]
    pub fn list(&self) -> Vec<ConnectionInfo> {
        self.registry.list()
    }

    /// Numbers over the whole life of the server. Takes a lock and looks at each open connection.
    #[must_use]
    pub fn totals(&self) -> ConnectionTotals {
        self.registry.totals()
    }

    /// Closes every open connection by force, and returns how many.
    ///
    /// The next call on a connection's IO fails, the tasks that used it last are woken, and the
    /// socket is shut down in both directions. So a connection ends whether its task waits for the
    /// peer, for a handler or for a timer. What cannot be reached is an IO that nobody polls: one
    /// whose task blocks its thread, or that was put aside. Its peer sees the end of the
    /// connection, but it stays open here and is counted.
    ///
    /// Bytes that the kernel has already taken are still sent.
    #[expect(clippy::must_use_candidate, reason = "the number is for a report")]
    pub fn abort_all(&self) -> usize {
        self.registry.abort()
    }

    /// Completes when draining has begun and every listener has closed; tells how.
    ///
    /// A listener that nobody accepts from closes when it is dropped, so bound this wait.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn listeners_closed(&self) -> ListenerClosed {
        self.registry.watch.reached(Phase::Draining).await;
        wait_until(|| self.registry.closed.notified(), || self.registry.ended()).await
    }

    /// Completes when a server may be told to close its idle connections.
    ///
    /// Give it to `with_graceful_shutdown` of `axum::serve`, or wait for it in a loop of your own
    /// and then call `graceful_shutdown` on every connection. That signal closes idle HTTP/1
    /// connections without a word, so it must come late. It comes when draining has begun, the
    /// listeners have closed or the time for the accept queue is
    /// over, and every connection that is not HTTP/2 or upgraded
    ///
    /// - is closed, because the drain layer told its client with an answer, or
    /// - has been silent for the idle hold, if it was answered, or
    /// - began its request the first-byte grace ago, whole or not, if it is not answered yet, or
    /// - has not sent a byte within the first-byte grace;
    ///
    /// but with [`Phase::Cancelling`] at the latest. No timer is polled: the close of the last
    /// connection that held it wakes it. Before it completes, it looks once more for bytes
    /// that came and were not read yet.
    ///
    /// A request's grace begins with its first byte, and no later byte prolongs it. A first head
    /// that is not whole at the end reads as ended, and half a later one is closed by the server as
    /// idle. So no client can hold the stop with half a request.
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + use<> {
        let connections = self.clone();
        async move {
            let mut cancelling = pin!(connections.registry.watch.reached(Phase::Cancelling));
            let mut silent = pin!(connections.all_may_close());
            poll_fn(|cx| {
                if cancelling.as_mut().poll(cx).is_ready() || silent.as_mut().poll(cx).is_ready() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            connections.registry.release();
        }
    }

    async fn all_may_close(&self) {
        self.registry.watch.reached(Phase::Draining).await;
        let mut since = self.registry.draining_since();
        if self.registry.options.listener_end == ListenerEnd::KeepOpen {
            // The listeners close after those who were here may, and before those who came since.
            self.registry.mark_before_draining();
            self.none_holds(true).await;
            self.registry.settle_before_draining();
            since = Instant::now();
        }
        // A listener that nobody polls never closes. The others have the same bound.
        let until = self.registry.accept_queue_until(since);
        _ = timeout_at(until, self.listeners_closed()).await;
        self.none_holds(false).await;
    }

    async fn none_holds(&self, only_before_draining: bool) {
        loop {
            // Made before the scan, so that a connection that closes meanwhile is not missed.
            let mut freed = pin!(self.registry.freed.notified());
            let Some(at) = self.registry.scan(only_before_draining) else { return };
            let mut timer = pin!(sleep_until(at));
            poll_fn(|cx| {
                if freed.as_mut().poll(cx).is_ready() || timer.as_mut().poll(cx).is_ready() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
    }

    /// Completes when everybody who was connected at the begin of a stop knows of it: the moment
    /// for streams and WebSockets to end.
    ///
    /// A stream that ends as soon as lame duck begins sends its client to the next request, which
    /// comes here again. One that waits for this gives way when the others have gone: it completes
    /// when lame duck (or draining) has begun, and every connection that was open when this was
    /// first asked in that stop
    ///
    /// - has got an answer with `Connection: close`, or
    /// - has got GOAWAY (from a server of our own with lame duck, else with its stop signal), or
    /// - was silent to the end of the hold or grace that it has once draining, or
    /// - is closed;
    ///
    /// and with [`Phase::Cancelling`] at the latest. Who connects later is told with the first
    /// answer, and is not waited for. Nor are connections that cannot be told: those that were
    /// switched to another protocol, and those whose answer had begun before, such as the stream
    /// that waits for this. On a stock server such an answer is known by its next bytes, so a
    /// stream that says nothing holds its own wait for as long as an idle connection does.
    ///
    /// A stop that is called off before that is as if there had been none: this waits for the next.
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
    /// connections.all_notified().await; // nobody is connected
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
            {
                let mut stop_cancelled = pin!(watch.stop_cancelled(stop));
                let mut none_unnotified = pin!(self.none_unnotified());
                poll_fn(|cx| {
                    if stop_cancelled.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    none_unnotified.as_mut().poll(cx)
                })
                .await;
            }
            // Otherwise nobody is to leave, and in the next stop others may be waited for.
            if watch.stop_number() == Some(stop) {
                return;
            }
        }
    }

    /// Marks who is to be told, and waits for none of them to be left, or for cancelling.
    async fn none_unnotified(&self) {
        let (watch, unnotified) = (&self.registry.watch, &self.registry.unnotified);
        let mut cancelling = pin!(watch.reached(Phase::Cancelling));
        self.registry.mark_unnotified();
        loop {
            // Made before the count is read: a wake-up that comes in between is not missed.
            let mut all = pin!(unnotified.none_left().notified());
            if unnotified.is_empty() {
                // Marking wakes nobody, and may have been what others wait for.
                unnotified.none_left().notify_waiters();
                return;
            }
            let is_over = poll_fn(|cx| {
                if cancelling.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(true);
                }
                all.as_mut().poll(cx).map(|()| false)
            });
            if is_over.await {
                return;
            }
        }
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
