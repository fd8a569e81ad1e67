//! The loop that drives a stack.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    hint::black_box,
    pin::pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tokio::task;
use tower::Service;

use crate::Work;

/// Sends `count` requests of that work through clones of `service`, one after the other.
///
/// Each is made, answered, read to the end of its body, and dropped. The waker is tokio's. The
/// cooperative budget is off: a loop that never gives the thread back would use it up.
pub async fn drive<S, B>(service: &S, work: Work, count: u64)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible> + Clone,
    B: Body,
{
    task::unconstrained(async {
        for _ in 0..count {
            // As hyper-util does for each request.
            one(service.clone(), work).await;
        }
    })
    .await;
}

async fn one<S, B>(mut service: S, work: Work)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
    let mut answer = pin!(service.call(black_box(work.request())));
    let Ok(response) = poll_fn(|cx| poll_again(cx, |cx| answer.as_mut().poll(cx))).await;
    let (head, body) = response.into_parts();
    let mut body = pin!(body);
    while let Some(frame) = poll_fn(|cx| poll_again(cx, |cx| body.as_mut().poll_frame(cx))).await {
        black_box(frame.is_ok());
    }
    black_box(head);
}

/// Polls again at once, until it is ready.
fn poll_again<T>(
    cx: &mut Context<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    loop {
        if let Poll::Ready(done) = poll(cx) {
            return Poll::Ready(done);
        }
    }
}
