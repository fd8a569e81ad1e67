//! The gate.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::{DrainFuture, gate::Gate};

/// Middleware that turns requests away while its server drains. See the [crate docs](crate).
#[derive(Clone, Debug)]
pub struct DrainService<S> {
    inner: S,
    gate: Gate,
}

impl<S> DrainService<S> {
    pub(crate) const fn new(inner: S, gate: Gate) -> Self {
        Self { inner, gate }
    }

    /// Apart, so that while running a request is handed on without a copy of its own.
    #[cold]
    #[inline(never)]
    fn call_past_running<B, R>(&mut self, request: Request<B>) -> DrainFuture<S::Future, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: From<Bytes>,
    {
        if let Some(refusal) = self.gate.refuse(&request) {
            return DrainFuture::reject(Box::new(refusal.map(R::from)));
        }
        let passed = self.gate.let_in(&request);
        DrainFuture::pass(self.inner.call(request), passed)
    }

    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Unwraps the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for DrainService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = DrainFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    // Not always: the compiler then copies the request first, which is 240 bytes and more.
    #[inline]
    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if self.gate.is_past_running() {
            return self.call_past_running(request);
        }
        let passed = self.gate.let_in(&request);
        DrainFuture::pass(self.inner.call(request), passed)
    }
}
