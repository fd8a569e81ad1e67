//! A client whose calls end with their request.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{LEAST, OutboundError, OutboundLayer};
use crate::{Reason, RequestContext, Run};

/// A client whose calls take along what is left of their request's time, and end with it. Made by
/// [`OutboundLayer`].
#[derive(Clone, Debug)]
pub struct OutboundService<S> {
    inner: S,
    layer: OutboundLayer,
}

impl<S> OutboundService<S> {
    pub(super) const fn new(inner: S, layer: OutboundLayer) -> Self {
        Self { inner, layer }
    }

    /// The inner client.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner client, to change it.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Takes the inner client out.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
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
        let begun = self.layer.begin(request.headers_mut());
        OutboundFuture::begin(begun, || self.inner.call(request))
    }
}

pin_project! {
    /// A call that goes out.
    #[project = CallState]
    pub(super) enum Call<F> {
        // Outside of any context.
        Plain { #[pin] call: F },
        // Dropped when its context is cancelled.
        Bound { #[pin] call: Run<F> },
        NotMade { reason: Reason },
    }
}

/// Why a call has no answer, although its client has not failed.
pub(super) enum Ended {
    NotSent(Reason),
    Cancelled(Reason),
}

impl<F: Future> Call<F> {
    /// Makes the call in its context, unless there is no time for it.
    pub(super) fn begin(
        begun: Result<Option<RequestContext>, Reason>,
        call: impl FnOnce() -> F,
    ) -> Self {
        match begun {
            Ok(None) => Self::Plain { call: call() },
            Ok(Some(context)) => Self::Bound { call: context.run(call()) },
            Err(reason) => Self::NotMade { reason },
        }
    }

    pub(super) fn poll_call(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<F::Output, Ended>> {
        match self.project() {
            CallState::Plain { call } => call.poll(cx).map(Ok),
            CallState::Bound { call } => {
                call.poll(cx).map_err(|cancelled| Ended::Cancelled(cancelled.reason()))
            }
            CallState::NotMade { reason } => Poll::Ready(Err(Ended::NotSent(*reason))),
        }
    }

    /// Whether hardly any of the call's time is left.
    pub(super) fn is_over(&self) -> bool {
        let Self::Bound { call } = self else { return false };
        let left = call.context().and_then(RequestContext::remaining);
        left.is_some_and(|left| left <= 2 * LEAST)
    }
}

impl<F: Future> OutboundFuture<F> {
    pub(super) fn begin(
        begun: Result<Option<RequestContext>, Reason>,
        call: impl FnOnce() -> F,
    ) -> Self {
        Self { call: Call::begin(begun, call) }
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
        self.project().call.poll_call(cx).map(|ended| match ended {
            Ok(answer) => answer.map_err(OutboundError::failed),
            Err(Ended::NotSent(reason)) => Err(OutboundError::not_sent(reason)),
            Err(Ended::Cancelled(reason)) => Err(OutboundError::cancelled(reason)),
        })
    }
}

impl<F> fmt::Debug for OutboundFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call: _ } = self;
        f.debug_struct("OutboundFuture").finish_non_exhaustive()
    }
}
