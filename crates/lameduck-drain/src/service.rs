//! The gate.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use lameduck_core::Phase;
use tower_service::Service;

use crate::{DrainBody, DrainFuture, config::Config, farewell::is_told_by_header};

/// Middleware that turns requests away while its server drains. See the [crate docs](crate).
#[derive(Clone, Debug)]
pub struct DrainService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> DrainService<S> {
    pub(crate) const fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }

    /// Hands a request on that is not turned away.
    #[inline]
    fn let_in<B, ResBody>(&mut self, request: Request<B>) -> DrainFuture<S::Future, ResBody>
    where
        S: Service<Request<B>, Response = Response<ResBody>>,
    {
        let by_header = is_told_by_header(&request);
        // Who cannot be told need not be asked about again.
        let farewell = self.config.may_tell(by_header).then(|| Arc::clone(&self.config));
        DrainFuture::pass(self.inner.call(request), farewell, by_header)
    }

    /// Apart, so that while running a request is handed on without a copy of its own.
    #[cold]
    #[inline(never)]
    fn call_gated<B, ResBody>(
        &mut self,
        phase: Phase,
        request: Request<B>,
    ) -> DrainFuture<S::Future, ResBody>
    where
        S: Service<Request<B>, Response = Response<ResBody>>,
    {
        if self.config.rejects(phase, &request) {
            DrainFuture::reject(self.config.reject(phase, &request))
        } else {
            self.let_in(request)
        }
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
{
    type Response = Response<DrainBody<ResBody>>;
    type Error = S::Error;
    type Future = DrainFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let phase = self.config.watch.current();
        if phase > Phase::Running {
            return self.call_gated(phase, request);
        }
        self.let_in(request)
    }
}
