//! The service that gives each request a context.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{
    ContextBody, ContextFuture, RequestContext,
    answer::Client,
    config::Config,
    scope::{self, Scope},
};

/// Middleware that gives each request an id, a deadline and a way to be cancelled. See the
/// [crate docs](crate).
///
/// Made by [`ContextLayer`](crate::ContextLayer).
#[derive(Clone, Debug)]
pub struct ContextService<S> {
    inner: S,
    config: &'static Config,
}

impl<S> ContextService<S> {
    pub(crate) const fn new(inner: S, config: &'static Config) -> Self {
        Self { inner, config }
    }

    /// Apart: a request that something is given to change is copied before it is handed on.
    #[inline(never)]
    fn call_prepared<B>(&mut self, mut request: Request<B>) -> ContextFuture<S::Future>
    where
        S: Service<Request<B>>,
    {
        let mut context = RequestContext::begin(self.config, &mut request);
        if context.prepare(self.config, &mut request) {
            return ContextFuture::refused(Some(context));
        }
        self.call_in(context, request)
    }

    #[inline]
    fn call_in<B>(
        &mut self,
        context: RequestContext,
        request: Request<B>,
    ) -> ContextFuture<S::Future>
    where
        S: Service<Request<B>>,
    {
        let mut context = Some(context);
        // `call` is the handler's code too: a layer inside may want the id for its span.
        let scope = Scope::enter(&mut context);
        let inner = self.inner.call(request);
        scope.exit();
        ContextFuture::new(inner, context)
    }

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

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ContextService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body<Data = Bytes>,
{
    type Response = Response<ContextBody<ResBody>>;
    type Error = S::Error;
    type Future = ContextFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if self.config.looks_into(&request) || scope::is_inside() {
            return self.call_prepared(request);
        }
        let context = RequestContext::fresh(self.config, Client::of(&request));
        self.call_in(context, request)
    }
}
