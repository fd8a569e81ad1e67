//! HTTP/1: one connection, its timeouts and its end.

use std::{
    error::Error,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::{handler::Handler, leave::Leave, link::Link, options::HttpOptions, wire::Wire};
use crate::{ConnectionStage, Socket, connection::later};

type BoxError = Box<dyn Error + Send + Sync>;

pub(super) async fn serve<I, S, B>(
    wire: TokioIo<Wire<I>>,
    handler: Handler<S>,
    mut leave: Leave,
    link: &Link,
    options: &HttpOptions,
    old_at: Option<Instant>,
) -> hyper::Result<()>
where
    I: Socket,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let mut builder = http1::Builder::new();
    // hyper's own timeout sets a timer for each request.
    builder.header_read_timeout(None);
    let mut conn = pin!(builder.serve_connection(wire, handler).with_upgrades());
    let mut too_old = pin!(options.too_old_at(old_at).map(sleep_until));
    let mut silence = options.silence().map(Silence::new);
    let mut is_leaving = false;
    poll_fn(|cx| {
        // First, so that the last check for bytes sees only those that hyper cannot have read.
        if let Poll::Ready(ended) = conn.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        if !is_leaving {
            let to_go = match leave.poll(cx) {
                Poll::Ready(was_silent) => Some(was_silent),
                Poll::Pending if is_over(&mut silence, link, cx) => {
                    if link.conn().stage() != ConnectionStage::Answered {
                        // Half a head, which hyper would wait for.
                        return Poll::Ready(Ok(()));
                    }
                    Some(true)
                }
                Poll::Pending => None,
            };
            if let Some(was_silent) = to_go {
                is_leaving = true;
                if was_silent {
                    link.on_silence();
                }
                conn.as_mut().graceful_shutdown();
                return conn.as_mut().poll(cx);
            }
        }
        match too_old.as_mut().as_pin_mut() {
            Some(too_old) => too_old.poll(cx).map(Ok),
            None => Poll::Pending,
        }
    })
    .await
}

#[inline]
fn is_over(silence: &mut Option<Silence>, link: &Link, cx: &mut Context<'_>) -> bool {
    silence.as_mut().is_some_and(|silence| silence.poll(link, cx))
}

/// A connection that waits for a head at so many checks in a row is closed.
const LOOKS: i8 = 4;

/// How long a connection may wait for the head of a request.
///
/// It is checked four times in that time, without a timer for each request. So the end may come up
/// to a quarter later.
#[derive(Debug)]
struct Silence {
    step: Duration,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer has this task's waker.
    is_set: bool,
    /// Requests at the last check.
    served: usize,
    /// Checks since then, negative if a request was in flight.
    looks: i8,
}

impl Silence {
    fn new(time: Duration) -> Self {
        // Not zero, because the timer is set to it again and again.
        let step = (time / LOOKS.unsigned_abs().into()).max(Duration::from_millis(1));
        Self { step, timer: Box::pin(sleep(step)), is_set: false, served: 0, looks: 0 }
    }

    /// Poll it in one task only.
    #[inline]
    fn poll(&mut self, link: &Link, cx: &mut Context<'_>) -> bool {
        // Once the timer has the waker, reading its state is enough, and cheaper than a poll.
        if self.is_set && !self.timer.is_elapsed() {
            return false;
        }
        self.look(link, cx)
    }

    #[inline(never)]
    fn look(&mut self, link: &Link, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let served = link.served();
            if link.conn().is_answering() {
                self.looks = -1;
            } else if served != self.served {
                self.looks = 0;
            } else {
                self.looks += 1;
            }
            if self.looks >= LOOKS {
                return true;
            }
            self.served = served;
            self.timer.as_mut().reset(later(Instant::now(), self.step));
        }
        self.is_set = true;
        false
    }
}
