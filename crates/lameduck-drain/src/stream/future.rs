//! The future of a response that may be a stream.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use lameduck_core::plumbing::Kept;
use pin_project_lite::pin_project;

use super::{body::UntilDrainBody, route::Route};
use crate::close_header::Closable;

pin_project! {
    /// Response future of [`UntilDrainService`](crate::UntilDrainService).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct UntilDrainFuture<F> {
        #[pin]
        inner: F,
        route: Kept<Route>,
        closable: Closable,
    }
}

impl<F> UntilDrainFuture<F> {
    pub(super) const fn new(inner: F, route: Kept<Route>, closable: Closable) -> Self {
        Self { inner, route, closable }
    }
}

impl<F, B, E> Future for UntilDrainFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<UntilDrainBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        Poll::Ready(result.map(|response| this.route.wrap(response, *this.closable)))
    }
}
