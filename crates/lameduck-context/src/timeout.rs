//! The timeout alone: no id, no context, nothing shared.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    Interrupted, Reason,
    alarm::{Alarm, from_now},
    answer::{Client, is_grpc_call},
};

/// Wraps services in [`TimeoutService`]: a time limit for handlers, and nothing else.
///
/// For services that have their context from elsewhere. A handler that is ready at its first poll
/// costs no clock, no timer and no allocation. Also see the [crate docs](crate).
///
/// The response keeps its body's type, which therefore has to be one that can be made from bytes,
/// as axum's can. Around a service whose body cannot, as tonic's, put a
/// [`ContextLayer`](crate::ContextLayer), which asks nothing of it.
#[derive(Clone, Copy, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct TimeoutLayer {
    limit: Duration,
}

impl TimeoutLayer {
    /// Makes a layer that lets a handler take `limit`, counted from its first wait.
    ///
    /// Zero cuts off every handler that is not ready at once. A limit that lies past the end of
    /// the clock is as good as none.
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
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Takes the inner service out.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
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
        TimeoutFuture { inner, alarm: Alarm::new(), limit, is_grpc }
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
        // Taken to drop the handler before it is answered for.
        #[pin]
        inner: Option<F>,
        alarm: Alarm,
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
                if !this.alarm.is_armed() {
                    this.alarm.arm(Some(from_now(*this.limit)), None);
                }
                this.alarm.poll(None, cx).map(|_| {
                    this.inner.set(None);
                    let reason = Reason::DeadlineExceeded;
                    let interrupted = Interrupted::new(reason, Some(*this.limit), None);
                    Ok(interrupted.into_response(Client::grpc(*this.is_grpc), None))
                })
            }
        }
    }
}

impl<F> fmt::Debug for TimeoutFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, alarm, limit, is_grpc } = self;
        f.debug_struct("TimeoutFuture")
            .field("completed", &inner.is_none())
            .field("alarm", alarm)
            .field("limit", limit)
            .field("is_grpc", is_grpc)
            .finish()
    }
}
