//! Which answers are complete although their body was not read to its end.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use lameduck_context::{CancelReason, ContextLayer, RequestContext};
use tokio::time::timeout;
use tower::{Layer, ServiceExt};

use crate::{
    cancel::{check_finished, context_after, endless},
    support::{Left, ask, current, data, handler},
};

/// Sends a request, and drops the body of its answer, of this status, unread.
async fn unread(method: Method, status: u16) -> RequestContext {
    let mut request = ask();
    *request.method_mut() = method;
    let left = Left::new();
    let theirs = left.clone();
    let service = ContextLayer::new().layer(handler(move |_| {
        theirs.leave(current());
        let mut response = endless();
        *response.status_mut() = status.try_into().expect("a status");
        async { response }
    }));
    drop(service.oneshot(request).await.expect("infallible"));
    left.take()
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_gone_if_a_body_that_must_not_be_there_is_dropped() {
    let without = [
        (Method::GET, 101),
        (Method::GET, 204),
        (Method::GET, 304),
        (Method::HEAD, 200),
        (Method::CONNECT, 200),
    ];
    for (method, status) in without {
        check_finished(&unread(method, status).await).await;
    }
    for (method, status) in [(Method::GET, 200), (Method::GET, 205), (Method::CONNECT, 407)] {
        let reason = unread(method.clone(), status).await.reason();
        assert_eq!(reason, Some(CancelReason::ClientGone), "{method} {status}");
    }
}

/// Takes the context at each poll, and never knows that it is at its end.
struct Takes {
    left: Left<RequestContext>,
    exact: Option<u64>,
}

impl Body for Takes {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        self.left.leave(current());
        if let Some(left) = &mut self.exact {
            *left = left.saturating_sub(1);
        }
        Poll::Ready(Some(Ok(data("x"))))
    }

    fn size_hint(&self) -> SizeHint {
        self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_read_the_length_is_not_gone_even_if_the_body_takes_its_context_late() {
    for (declared, exact) in [(true, None), (false, Some(2)), (true, Some(2))] {
        for (frames, reason) in [(1, Some(CancelReason::ClientGone)), (2, None)] {
            let left = Left::new();
            let theirs = left.clone();
            let service = ContextLayer::new().layer(handler(move |_| {
                let mut response = Response::new(Takes { left: theirs.clone(), exact });
                if declared {
                    response.headers_mut().insert("content-length", 2.into());
                }
                async { response }
            }));
            let mut body = service.oneshot(ask()).await.expect("infallible").into_body();
            for _ in 0..frames {
                body.frame().await.expect("a frame").expect("no error");
            }
            drop(body);
            let context: RequestContext = left.take();
            assert_eq!(context.reason(), reason, "{frames} frames, {declared}, {exact:?}");
        }
    }
}

/// One frame, and then an error.
struct Breaks(bool);

impl Body for Breaks {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        let is_broken = std::mem::replace(&mut self.0, true);
        Poll::Ready(Some(if is_broken { Err("broken") } else { Ok(data("x")) }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_cancels_its_request() {
    let breaks = || Response::new(Breaks(false));
    let context = context_after(ContextLayer::new(), ask(), breaks, async |response| {
        let mut body = response.into_body();
        assert!(body.frame().await.expect("a frame").is_ok());
        let error = body.frame().await.expect("an end with an error").expect_err("an error");
        assert_eq!(error.to_string(), "broken");
    });
    let context = context.await;
    let waited = timeout(Duration::from_secs(1), context.cancelled()).await;
    assert_eq!(waited, Ok(CancelReason::BodyFailed), "the task that feeds the body is notified");
}
