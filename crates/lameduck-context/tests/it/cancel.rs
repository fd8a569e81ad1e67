//! When a request is cancelled, and that a finished one never is.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use lameduck_context::{CancelReason, ContextLayer, RequestContext};
use lameduck_core::{Phase, phase_channel};
use tokio::{task::yield_now, time::timeout};
use tower::{Layer, Service, ServiceExt};

use crate::support::{Answer, Ask, Left, OnDrop, ask, current, data, fed, handler, hello};

/// A handler that leaves its context outside and answers with `response`.
pub(crate) async fn context_after<B>(
    layer: ContextLayer,
    request: Ask,
    response: fn() -> Response<B>,
    read: impl AsyncFnOnce(Response<lameduck_context::ContextBody<B>>),
) -> RequestContext
where
    B: Body<Data = Bytes> + Send + 'static,
{
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        theirs.leave(current());
        let response = response();
        async { response }
    }));
    read(service.oneshot(request).await.expect("infallible")).await;
    left.take()
}

/// The context is not cancelled, and never will be.
pub(crate) async fn check_finished(context: &RequestContext) {
    assert_eq!(context.reason(), None);
    let waited = timeout(Duration::from_secs(1000), context.cancelled()).await;
    assert!(waited.is_err(), "cancelled: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_at_any_await_is_cancelled_because_its_client_is_gone() {
    const AWAITS: usize = 4;
    for polls in 0..=AWAITS {
        let left = Left::new();
        let theirs = left.clone();
        let layer = ContextLayer::new().with_timeout(Duration::from_secs(1));
        let mut service = layer.layer(tower::service_fn(move |_: Ask| {
            theirs.leave(current());
            async {
                for _ in 0..AWAITS {
                    yield_now().await;
                }
                Ok::<_, Infallible>(hello())
            }
        }));
        let mut future = Box::pin(service.call(ask()));
        for _ in 0..polls {
            assert!(poll(future.as_mut()).is_pending());
        }
        drop(future);
        let context = left.take();
        assert_eq!(context.reason(), Some(CancelReason::ClientGone), "after {polls} polls");
        assert_eq!(context.cancelled().await, CancelReason::ClientGone);
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_are_dropped_with_a_handler_know_the_reason_even_if_no_code_held_the_context() {
    let left = Left::new();
    let theirs = left.clone();
    let layer = ContextLayer::new().with_timeout(Duration::from_secs(1));
    let mut service = layer.layer(handler(move |_| {
        let read = || RequestContext::current().and_then(|context| context.reason());
        let guard = OnDrop { left: theirs.clone(), read };
        async move {
            let _guard = guard;
            std::future::pending::<Answer>().await
        }
    }));
    drop(service.call(ask()));
    assert_eq!(left.take(), Some(CancelReason::ClientGone));
    service.oneshot(ask()).await.expect("infallible");
    assert_eq!(left.take(), Some(CancelReason::DeadlineExceeded));
}

#[tokio::test(start_paused = true)]
async fn work_that_waits_for_the_cancellation_is_woken_by_the_drop() {
    let left = Left::new();
    let theirs = left.clone();
    let mut service = ContextLayer::new().layer(handler(move |_| {
        let (context, theirs) = (current(), theirs.clone());
        #[expect(clippy::disallowed_methods, reason = "what a user does")]
        tokio::spawn(async move { theirs.leave(context.cancelled().await) });
        std::future::pending::<Answer>()
    }));
    let mut future = Box::pin(service.call(ask()));
    assert!(poll(future.as_mut()).is_pending());
    yield_now().await;
    assert!(left.is_empty());
    drop(future);
    yield_now().await;
    assert_eq!(left.take(), CancelReason::ClientGone);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_unfinished_cancels_its_request() {
    for frames in 0..3 {
        let context = context_after(ContextLayer::new(), ask(), endless, async |response| {
            let mut body = response.into_body();
            for _ in 0..frames {
                body.frame().await.expect("a frame").expect("no error");
            }
        });
        assert_eq!(context.await.reason(), Some(CancelReason::ClientGone), "after {frames} frames");
    }
}

pub(crate) fn endless() -> Response<crate::support::Fed> {
    let (feed, body) = fed();
    for _ in 0..3 {
        feed.send(data("x")).expect("open");
    }
    // The feed stays open, so the body never ends.
    std::mem::forget(feed);
    Response::new(body)
}

#[tokio::test(start_paused = true)]
async fn a_finished_request_is_not_cancelled() {
    let layer = || ContextLayer::new().with_timeout(Duration::from_secs(1));
    let empty = || Response::new(Empty::<Bytes>::new());
    check_finished(&context_after(layer(), ask(), empty, async |response| drop(response)).await)
        .await;
    let read = async |response: Response<lameduck_context::ContextBody<_>>| {
        response.into_body().collect().await.expect("no error");
    };
    check_finished(&context_after(layer(), ask(), hello, read).await).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_gone_if_a_body_at_its_end_is_dropped() {
    // Of unknown length, and not polled after its last frame.
    let last = || Response::new(Last(Some(data("last"))));
    let context = context_after(ContextLayer::new(), ask(), last, async |response| {
        response.into_body().frame().await.expect("a frame").expect("no error");
    });
    check_finished(&context.await).await;
}

/// One frame, and then at its end.
struct Last(Option<Frame<Bytes>>);

impl Body for Last {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_request_is_not_cancelled_by_a_stop() {
    let (sender, phase) = phase_channel();
    let layer = ContextLayer::new().with_phase(phase);
    let empty = || Response::new(Empty::<Bytes>::new());
    let context = context_after(layer, ask(), empty, async |response| drop(response)).await;
    let stop = async {
        yield_now().await;
        sender.publish(Phase::Forced)
    };
    tokio::join!(check_finished(&context), stop);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_a_head_is_not_gone_if_the_body_is_dropped() {
    let mut request = ask();
    *request.method_mut() = Method::HEAD;
    let context = context_after(ContextLayer::new(), request, endless, async |response| {
        drop(response);
    });
    check_finished(&context.await).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_read_the_declared_length_is_not_gone() {
    let declared = || {
        let mut response = endless();
        response.headers_mut().insert("content-length", "2".parse().expect("a value"));
        response
    };
    for (frames, reason) in [(1, Some(CancelReason::ClientGone)), (2, None)] {
        let context = context_after(ContextLayer::new(), ask(), declared, async |response| {
            let mut body = response.into_body();
            for _ in 0..frames {
                body.frame().await.expect("a frame").expect("no error");
            }
        });
        assert_eq!(context.await.reason(), reason, "after {frames} frames");
    }
    // The same if the body itself declares the length: a server does not poll it for its end.
    let context = context_after(
        ContextLayer::new(),
        ask(),
        || Response::new(NeverEnds(2)),
        async |response| {
            let mut body = response.into_body();
            for _ in 0..2 {
                body.frame().await.expect("a frame").expect("no error");
            }
        },
    );
    check_finished(&context.await).await;
}

/// Knows its length, but not that it is at its end.
struct NeverEnds(u64);

impl Body for NeverEnds {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(data("x"))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_service_fails_is_finished() {
    let left = Left::new();
    let theirs = left.clone();
    let service = ContextLayer::new().layer(tower::service_fn(move |_: Ask| {
        theirs.leave(current());
        async { Err::<Response<Full<Bytes>>, _>("no") }
    }));
    assert_eq!(service.oneshot(ask()).await.err(), Some("no"));
    check_finished(&left.take()).await;
}

#[tokio::test]
async fn a_panic_of_the_handler_cancels_its_request() {
    for when in ["call", "poll"] {
        let left = Left::new();
        let theirs = left.clone();
        let mut service = ContextLayer::new().layer(tower::service_fn(move |_: Ask| {
            theirs.leave(current());
            assert_ne!(when, "call", "the handler panics");
            async {
                if Some("poll") == RequestContext::current().map(|_| "poll") {
                    panic!("the handler panics");
                }
                Ok::<_, Infallible>(hello())
            }
        }));
        let run = AssertUnwindSafe(|| {
            let mut future = Box::pin(service.call(ask()));
            poll(future.as_mut()).is_pending()
        });
        assert!(catch_unwind(run).is_err());
        assert_eq!(left.take().reason(), Some(CancelReason::Panicked), "in {when}");
    }
}

#[tokio::test]
async fn a_panic_of_the_body_cancels_its_request() {
    let panics = || {
        let (_, mut body) = fed();
        body.at_poll = Box::new(|| panic!("the body panics"));
        Response::new(body)
    };
    let context = context_after(ContextLayer::new(), ask(), panics, async |response| {
        let mut body = Box::pin(response.into_body());
        let run = AssertUnwindSafe(|| {
            body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())).is_pending()
        });
        assert!(catch_unwind(run).is_err());
    });
    assert_eq!(context.await.reason(), Some(CancelReason::Panicked));
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_cancellation_may_be_dropped_and_made_anew() {
    let layer = ContextLayer::new().with_timeout(Duration::from_secs(1));
    let service = layer.layer(handler(|_| async {
        let context = current();
        for _ in 0..3 {
            assert!(timeout(Duration::from_millis(300), context.cancelled()).await.is_err());
        }
        assert_eq!(context.cancelled().await, CancelReason::DeadlineExceeded);
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
}

#[test]
fn a_reason_has_the_name_it_has_in_logs() {
    let names = [
        (CancelReason::DeadlineExceeded, "deadline_exceeded"),
        (CancelReason::ClientGone, "client_gone"),
        (CancelReason::Shutdown, "shutdown"),
        (CancelReason::Panicked, "panicked"),
        (CancelReason::BodyFailed, "body_failed"),
    ];
    for (reason, name) in names {
        assert_eq!(reason.name(), name);
        assert_eq!(reason.to_string(), name);
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
