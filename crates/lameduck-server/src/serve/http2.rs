//! HTTP/2: one connection, its GOAWAYs and its end.

use std::{
    error::Error,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use lameduck_core::Phase;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::{
    leave::Awaited,
    link::Link,
    options::HttpOptions,
    streams::{StreamHandler, Streams},
    wire::Wire,
};
use crate::{Connections, Socket, connection::later};

type BoxError = Box<dyn Error + Send + Sync>;

pub(super) async fn serve<I, S, B>(
    wire: TokioIo<Wire<I>>,
    handler: StreamHandler<S>,
    connections: &Connections,
    options: &HttpOptions,
    old_at: Option<Instant>,
    accepted: Instant,
    link: Arc<Link>,
) -> hyper::Result<()>
where
    I: Socket,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let mut builder = http2::Builder::new(Streams::new(Arc::clone(&link)));
    builder.timer(TokioTimer::new()).keep_alive_interval(options.http2_keep_alive);
    let mut conn = pin!(builder.serve_connection(wire, handler));
    let mut exit = Exit::new(connections, options, old_at, accepted);
    poll_fn(|cx| {
        loop {
            match exit.poll(connections, &link, cx) {
                Step::Stay => {}
                // Before the poll of the connection, which then sends the first or second GOAWAY.
                Step::Notify => {
                    conn.as_mut().graceful_shutdown();
                    link.set_pinged();
                    connections.registry().on_notified(link.conn());
                }
                Step::GiveUpAck => link.give_up_ack(),
                Step::Close => return Poll::Ready(Ok(())),
            }
            let could_not_end = cannot_end(connections, &link);
            let ended = conn.as_mut().poll(cx);
            // The poll in between has sent what the last stream had left.
            if ended.is_pending() && could_not_end && cannot_end(connections, &link) {
                return Poll::Ready(Ok(()));
            }
            // The awaited event came with this poll, and nothing else would wake the task.
            if ended.is_ready() || !exit.is_due(connections, &link) {
                return ended;
            }
        }
    })
    .await
}

/// What to do with a connection before it is polled.
enum Step {
    Stay,
    Notify,
    GiveUpAck,
    /// The client cannot be notified any more.
    Close,
}

/// When an HTTP/2 connection ends, and how long that may take.
struct Exit {
    notified: Notified,
    lame_duck: Awaited,
    /// Until when a connection without a stream may wait for its first. Made when lame duck is
    /// seen.
    first: Option<Pin<Box<Sleep>>>,
    first_until: Instant,
    cancelling: Awaited,
    ack_timeout: Duration,
    old: Option<Pin<Box<Sleep>>>,
    too_old: Option<Pin<Box<Sleep>>>,
    idle: Option<Idle>,
}

enum Notified {
    No,
    /// The first GOAWAY was sent. Until then the client may answer its PING.
    Once(Pin<Box<Sleep>>),
    Twice,
}

/// Checks at intervals whether a stream has begun.
struct Idle {
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
    served: usize,
}

impl Exit {
    fn new(
        connections: &Connections,
        options: &HttpOptions,
        old_at: Option<Instant>,
        accepted: Instant,
    ) -> Self {
        let grace = connections.registry().options.first_byte_grace;
        let timer = |at: Instant| Box::pin(sleep_until(at));
        let idle = |timeout| Idle { timeout, timer: Box::pin(sleep(timeout)), served: 0 };
        Self {
            notified: Notified::No,
            lame_duck: Awaited::new(connections, Phase::LameDuck),
            first: None,
            first_until: later(accepted, grace),
            cancelling: Awaited::new(connections, Phase::Cancelling),
            ack_timeout: options.goaway_ack_timeout,
            old: old_at.map(timer),
            too_old: options.too_old_at(old_at).map(timer),
            idle: options.idle_timeout().map(idle),
        }
    }

    fn poll(&mut self, connections: &Connections, link: &Link, cx: &mut Context<'_>) -> Step {
        if is_over(&mut self.too_old, cx) {
            return Step::Close;
        }
        match &mut self.notified {
            Notified::No => {
                let is_to_go = is_over(&mut self.old, cx)
                    || self.idle.as_mut().is_some_and(|idle| idle.poll(link, cx))
                    || self.is_to_leave(connections, link, cx);
                if !is_to_go {
                    return Step::Stay;
                }
                let mut ack_timeout =
                    Box::pin(sleep_until(later(Instant::now(), self.ack_timeout)));
                // Registers the timer. If it is over at once, the wake-up brings the next poll.
                if ack_timeout.as_mut().poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                self.notified = Notified::Once(ack_timeout);
                self.listen(connections, cx);
                Step::Notify
            }
            Notified::Once(ack_timeout) => {
                let is_over = ack_timeout.as_mut().poll(cx).is_ready();
                if !(is_over || self.cancelling.poll(connections, cx).is_ready()) {
                    return Step::Stay;
                }
                self.notified = Notified::Twice;
                Step::GiveUpAck
            }
            Notified::Twice => Step::Stay,
        }
    }

    /// Whether a stop has begun, and this connection has had its first stream or the time for it.
    ///
    /// A client that is notified before its first request would only connect again, and while the
    /// server is lame duck, it comes here again.
    fn is_to_leave(
        &mut self,
        connections: &Connections,
        link: &Link,
        cx: &mut Context<'_>,
    ) -> bool {
        if self.lame_duck.poll(connections, cx).is_pending() {
            // Or the stop was cancelled: then there is no wait for the first stream.
            self.first = None;
            return false;
        }
        if link.served() > 0 || self.cancelling.poll(connections, cx).is_ready() {
            return true;
        }
        let until = self.first_until;
        self.first.get_or_insert_with(|| Box::pin(sleep_until(until))).as_mut().poll(cx).is_ready()
    }

    /// Whether the first stream has come that the GOAWAY waits for, or nothing more is to be waited
    /// for.
    fn is_due(&self, connections: &Connections, link: &Link) -> bool {
        match self.notified {
            Notified::No => self.first.is_some() && link.served() > 0,
            Notified::Once(_) => false,
            Notified::Twice => cannot_end(connections, link),
        }
    }

    /// From the first GOAWAY on, cancelling wakes the task.
    fn listen(&mut self, connections: &Connections, cx: &mut Context<'_>) {
        if self.cancelling.poll(connections, cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

/// Whether the connection cannot end by itself: the client has stopped in the middle of a frame,
/// where no GOAWAY can be answered, and its time is over. While it has a stream it may still get an
/// answer, and while the socket is blocked it may still read one.
fn cannot_end(connections: &Connections, link: &Link) -> bool {
    link.is_stuck()
        && !link.has_streams()
        && !link.is_blocked()
        && connections.registry().watch.current() >= Phase::Cancelling
}

impl Idle {
    fn poll(&mut self, link: &Link, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let served = link.served();
            if served == self.served && !link.has_streams() {
                return true;
            }
            self.served = served;
            self.timer.as_mut().reset(later(Instant::now(), self.timeout));
        }
        false
    }
}

fn is_over(timer: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
}
