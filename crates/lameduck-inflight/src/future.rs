//! The response future.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::{InFlightBody, request_guard::RequestGuard};

pin_project! {
    /// The response future of [`InFlightService`](crate::InFlightService).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InFlightFuture<F> {
        // Before the guard: what the handler still does in its destructors is in flight too.
        #[pin]
        inner: F,
        // Taken when the body takes over.
        guard: RequestGuard,
    }
}

impl<F> InFlightFuture<F> {
    #[inline]
    pub(crate) const fn new(inner: F, guard: RequestGuard) -> Self {
        Self { inner, guard }
    }
}

impl<F, B, E> Future for InFlightFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<InFlightBody<B>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.inner.poll(cx);
        // First by reference, then moved once: a response is as large as many futures.
        match &polled {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(response)) => this.guard.answer(response),
            Poll::Ready(Err(_)) => this.guard.end(),
        }
        // Not with a `match`, which the compiler makes two moves of.
        polled.map_ok(|response| {
            let guard = this.guard.take();
            response.map(|body| InFlightBody::new(body, guard))
        })
    }
}
