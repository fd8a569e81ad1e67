//! The time limit alone: no id, no context, nothing shared.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use lameduck_core::plumbing::inner_accessors;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    CancelReason, Interrupted,
    deadline_timer::DeadlineTimer,
    layer::client::{Client, is_grpc_call},
    time::from_now,
};

/// Wraps services in [`TimeoutService`]: a time limit for handlers, and nothing else.
///
/// For services whose context comes from elsewhere. A handler that is ready at its first poll costs
/// no clock, no timer and no allocation. Also see the [crate docs](crate).
///
/// The response keeps the type of its body, which therefore has to be one that can be made from
/// bytes, as axum's can. tonic's cannot: use a [`ContextLayer`](crate::ContextLayer), which has no
/// such bound.
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct TimeoutLayer {
    limit: Duration,
}

impl TimeoutLayer {
    /// Makes a layer that lets a handler take `limit`, counted from its first wait.
    ///
    /// Zero drops every handler that is not ready at once. A limit that ends past the end of the
    /// clock is as good as none.
    pub const fn new(limit: Duration) -> Self {
        Self { limit }
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = TimeoutService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { limit } = *self;
        TimeoutService { inner, limit }
    }
}

/// Middleware that answers 504 for a handler that takes too long. Made by [`TimeoutLayer`].
#[derive(Clone, Copy, Debug)]
pub struct TimeoutService<S> {
    inner: S,
    limit: Duration,
}

impl<S> TimeoutService<S> {
    inner_accessors!(inner: S, "service");
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TimeoutService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let (limit, is_grpc) = (self.limit, is_grpc_call(&request));
        let inner = Some(self.inner.call(request));
        TimeoutFuture { inner, timer: DeadlineTimer::new(), limit, is_grpc }
    }
}

pin_project! {
    /// Response future of [`TimeoutService`].
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime whose time is enabled, if the handler has to wait. If it is
    /// polled after it has completed.
    #[must_use = "futures do nothing unless polled"]
    pub struct TimeoutFuture<F> {
        // Taken to drop the handler before the layer answers.
        #[pin]
        inner: Option<F>,
        timer: DeadlineTimer,
        limit: Duration,
        is_grpc: bool,
    }
}

impl<F, B, E> Future for TimeoutFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: From<Bytes>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            panic!("`TimeoutFuture` polled after it has completed");
        };
        match inner.poll(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => {
                if !this.timer.is_started() {
                    this.timer.start(Some(from_now(*this.limit)), None);
                }
                this.timer.poll(None, cx).map(|_| {
                    this.inner.set(None);
                    let reason = CancelReason::DeadlineExceeded;
                    let interrupted = Interrupted::new(reason, Some(*this.limit), None);
                    Ok(interrupted.into_response(Client::of_kind(*this.is_grpc), None))
                })
            }
        }
    }
}

impl<F> fmt::Debug for TimeoutFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, timer, limit, is_grpc } = self;
        f.debug_struct("TimeoutFuture")
            .field("completed", &inner.is_none())
            .field("timer", timer)
            .field("limit", limit)
            .field("is_grpc", is_grpc)
            .finish()
    }
}
