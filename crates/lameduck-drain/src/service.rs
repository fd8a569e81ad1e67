//! The service.

use std::{
    fmt,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use lameduck_core::plumbing::{Recycled, inner_accessors};
use tower_service::Service;

use crate::{DrainFuture, close_header::Closable, future::Notice, shared::Shared};

/// Middleware that rejects requests while its server drains. See the [crate docs](crate).
#[derive(Clone)]
pub struct DrainService<S> {
    inner: S,
    shared: Recycled<Shared>,
}

impl<S> DrainService<S> {
    pub(crate) const fn new(inner: S, shared: Recycled<Shared>) -> Self {
        Self { inner, shared }
    }

    inner_accessors!(inner: S, "service");

    /// Apart, so that while running a request is handed on without a copy of its own.
    #[cold]
    #[inline(never)]
    fn call_otherwise<B, R>(&mut self, request: Request<B>) -> DrainFuture<S::Future, R>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: From<Bytes>,
    {
        let shared = self.shared.get();
        let counted = shared.counted();
        let config = counted.as_deref().or_else(|| shared.leaked());
        if let Some(rejection) = config.and_then(|config| config.reject(&request)) {
            return DrainFuture::reject(rejection.map(R::from));
        }
        let closable = Closable::of(&request);
        let inner = self.inner.call(request);
        match counted {
            Some(config) => DrainFuture::pass_counted(inner, config, closable),
            None => DrainFuture::pass(inner, Notice { shared, closable }),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for DrainService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, shared } = self;
        f.debug_struct("DrainService")
            .field("inner", inner)
            .field("config", &shared.get().leaked())
            .finish_non_exhaustive()
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
        let is_usual = !matches!(*request.method(), Method::CONNECT);
        if !(is_usual && Shared::lets_in(&self.shared)) {
            return self.call_otherwise(request);
        }
        let closable = Closable::by_version(request.version());
        let inner = self.inner.call(request);
        DrainFuture::pass(inner, Notice { shared: self.shared.get(), closable })
    }
}
