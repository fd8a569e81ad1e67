//! A client whose calls end with their request.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Request;
use lameduck_core::plumbing::inner_accessors;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    error::OutboundError,
    layer::{LEAST, OutboundLayer},
};
use crate::{CancelReason, RequestContext, RunUntilCancelled};

/// A client whose calls have the deadline of their request, and end with it. Made by
/// [`OutboundLayer`].
#[derive(Clone, Debug)]
pub struct OutboundService<S, H = ()> {
    pub(super) inner: S,
    pub(super) layer: OutboundLayer<H>,
}

impl<S, H> OutboundService<S, H> {
    pub(super) const fn new(inner: S, layer: OutboundLayer<H>) -> Self {
        Self { inner, layer }
    }

    inner_accessors!(inner: S, "client");
}

impl<S, H: Clone> Layer<S> for OutboundLayer<H> {
    type Service = OutboundService<S, H>;

    fn layer(&self, inner: S) -> Self::Service {
        OutboundService::new(inner, self.clone())
    }
}

impl<S, B> Service<Request<B>> for OutboundService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = OutboundError<S::Error>;
    type Future = OutboundFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(OutboundError::failed)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let context = self.layer.begin(request.headers_mut());
        OutboundFuture::begin(context, || self.inner.call(request))
    }
}

pin_project! {
    /// An outbound call.
    #[project = CallState]
    pub(super) enum Call<F> {
        // Outside of any context.
        Plain { #[pin] call: F },
        // Dropped when its context is cancelled.
        Bound { #[pin] call: RunUntilCancelled<F> },
        NotMade { reason: CancelReason },
    }
}

/// Why a call has no answer, although its client has not failed.
pub(super) enum NoAnswer {
    NotSent(CancelReason),
    Cancelled(CancelReason),
}

impl<F: Future> Call<F> {
    /// Makes the call in its context, unless the reason is given not to make it.
    pub(super) fn begin(
        context: Result<Option<RequestContext>, CancelReason>,
        call: impl FnOnce() -> F,
    ) -> Self {
        match context {
            Ok(None) => Self::Plain { call: call() },
            Ok(Some(context)) => Self::Bound { call: context.run(call()) },
            Err(reason) => Self::NotMade { reason },
        }
    }

    pub(super) fn poll_call(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, NoAnswer>> {
        match self.project() {
            CallState::Plain { call } => call.poll(cx).map(Ok),
            CallState::Bound { call } => {
                call.poll(cx).map_err(|cancelled| NoAnswer::Cancelled(cancelled.reason()))
            }
            CallState::NotMade { reason } => Poll::Ready(Err(NoAnswer::NotSent(*reason))),
        }
    }

    /// Whether the call has at most two milliseconds left.
    pub(super) fn is_over(&self) -> bool {
        let Self::Bound { call } = self else { return false };
        let left = call.context().and_then(RequestContext::remaining);
        left.is_some_and(|left| left <= 2 * LEAST)
    }
}

impl<F: Future> OutboundFuture<F> {
    pub(super) fn begin(
        context: Result<Option<RequestContext>, CancelReason>,
        call: impl FnOnce() -> F,
    ) -> Self {
        Self { call: Call::begin(context, call) }
    }
}

pin_project! {
    /// Response future of [`OutboundService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct OutboundFuture<F> {
        #[pin]
        call: Call<F>,
    }
}

impl<F, R, E> Future for OutboundFuture<F>
where
    F: Future<Output = Result<R, E>>,
{
    type Output = Result<R, OutboundError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll_call(cx).map(|result| match result {
            Ok(answer) => answer.map_err(OutboundError::failed),
            Err(NoAnswer::NotSent(reason)) => Err(OutboundError::not_sent(reason)),
            Err(NoAnswer::Cancelled(reason)) => Err(OutboundError::cancelled(reason)),
        })
    }
}

impl<F> fmt::Debug for OutboundFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call: _ } = self;
        f.debug_struct("OutboundFuture").finish_non_exhaustive()
    }
}
