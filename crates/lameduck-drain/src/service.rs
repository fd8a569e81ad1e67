//! The service.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use lameduck_core::plumbing::{Kept, inner_accessors};
use tower_service::Service;

use crate::{DrainFuture, close_header::may_close, config::Config};

/// Middleware that rejects requests while its server drains. See the [crate docs](crate).
#[derive(Clone, Debug)]
pub struct DrainService<S> {
    inner: S,
    config: Kept<Config>,
}

impl<S> DrainService<S> {
    pub(crate) const fn new(inner: S, config: Kept<Config>) -> Self {
        Self { inner, config }
    }

    /// Apart, so that while running a request is handed on without a copy of its own.
    #[cold]
    #[inline(never)]
    fn call_otherwise<B, R>(&mut self, request: Request<B>) -> DrainFuture<S::Future, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: From<Bytes>,
    {
        if self.config.is_past_running() {
            if let Some(rejection) = self.config.reject(&request) {
                return DrainFuture::reject(Box::new(rejection.map(R::from)));
            }
        }
        let by_header = may_close(&request);
        DrainFuture::pass_kept(self.inner.call(request), &self.config, by_header)
    }

    inner_accessors!(inner: S, "service");
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
        match self.config {
            Kept::Leaked(config) if !config.is_past_running() => {
                let by_header = may_close(&request);
                DrainFuture::pass(self.inner.call(request), config, by_header)
            }
            _ => self.call_otherwise(request),
        }
    }
}
