//! The loop of a server: accepts, starts a task for each connection, and waits for the last.

use std::{
    error::Error,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use lameduck_core::{Phase, plumbing::log_later};
use tokio::{
    sync::{Notify, futures::OwnedNotified},
    task::JoinSet,
    time::{Instant, Sleep, sleep_until},
};

use super::{drive, leave::Awaited, live::Live, options::HttpOptions};
use crate::{Connections, Listener, SocketListener, TrackedIo, connection::later};

/// How many connections are accepted before other tasks get a turn.
const TURN: usize = 64;

type Accepted<L> = (TrackedIo<<L as SocketListener>::Io>, <L as SocketListener>::Addr);

/// How long connections may take to end once the phase is forced, if there is no deadline for that:
/// a layer that drops its handler still writes an answer.
const ABORT_AFTER: Duration = Duration::from_millis(250);

/// When the connections that are left are closed by force.
enum Force {
    /// The phase is not reached yet.
    Awaited(Awaited),
    At(Pin<Box<Sleep>>),
    Done,
}

struct Server<L: SocketListener> {
    listener: Listener<L>,
    connections: Connections,
    live: Arc<Live>,
    left: Pin<Box<OwnedNotified>>,
    draining: Awaited,
    force: Force,
    tasks: JoinSet<()>,
}

pub(super) async fn run<L, F, S, B>(listener: Listener<L>, mut make: F, options: HttpOptions)
where
    L: SocketListener,
    F: FnMut(L::Addr) -> S,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let options = Arc::new(options);
    let mut server = Server::new(listener, options.max_connections);
    poll_fn(|cx| {
        for _ in 0..TURN {
            let Some((io, addr)) = std::task::ready!(server.poll_next(cx)) else {
                return Poll::Ready(());
            };
            let seat = server.live.seat();
            let (connections, options) = (server.connections.clone(), Arc::clone(&options));
            let served = drive::connection(io, make(addr), connections, options, seat);
            server.tasks.spawn(served);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl<L: SocketListener> Server<L> {
    fn new(listener: Listener<L>, limit: Option<usize>) -> Self {
        let connections = listener.connections().clone();
        let live = Live::new(limit);
        Self {
            left: wait(&live.left),
            live,
            draining: Awaited::new(&connections, Phase::Draining),
            force: Force::Awaited(Awaited::new(&connections, Phase::Forced)),
            tasks: JoinSet::new(),
            connections,
            listener,
        }
    }

    /// The next connection. `None`: the listener and every connection have closed.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Accepted<L>>> {
        while let Poll::Ready(Some(ended)) = self.tasks.poll_join_next(cx) {
            if let Err(error) = ended {
                // Its IO is closed. Other connections are not affected.
                let error = error.to_string();
                log_later!(
                    error,
                    "connection.panicked",
                    { error },
                    "the task of a connection panicked, the others go on"
                );
            }
        }
        self.poll_force(cx);
        while self.left.as_mut().poll(cx).is_ready() {
            self.left = wait(&self.live.left);
        }
        if self.listener.is_closed() {
            return self.poll_end();
        }
        // The limit delays neither the end of the listener nor clients in its queue.
        if self.live.is_full() && self.draining.poll(&self.connections, cx).is_pending() {
            return Poll::Pending;
        }
        match self.listener.poll_accept(cx) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending if self.listener.is_closed() => self.poll_end(),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_force(&mut self, cx: &mut Context<'_>) {
        if let Force::Awaited(forced) = &mut self.force {
            if forced.poll(&self.connections, cx).is_ready() {
                let abort_at = self.connections.registry().watch.deadlines().abort_at;
                let abort_at = abort_at.map(Instant::from_std);
                let at = abort_at.unwrap_or_else(|| later(Instant::now(), ABORT_AFTER));
                self.force = Force::At(Box::pin(sleep_until(at)));
            }
        }
        if let Force::At(timer) = &mut self.force {
            if timer.as_mut().poll(cx).is_ready() {
                self.force = Force::Done;
                self.connections.abort_all();
            }
        }
    }

    fn poll_end<T>(&self) -> Poll<Option<T>> {
        if self.tasks.is_empty() && self.live.is_empty() {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

fn wait(left: &Arc<Notify>) -> Pin<Box<OwnedNotified>> {
    Box::pin(Arc::clone(left).notified_owned())
}
