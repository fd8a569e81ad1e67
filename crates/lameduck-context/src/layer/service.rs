//! The service that gives each request a context.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use lameduck_core::plumbing::{Kept, inner_accessors};
use tower_service::Service;

use super::{begin, body::ContextBody, client::Client, config::Config, future::ContextFuture};
use crate::{
    RequestContext,
    context::{Scope, has_current},
};

/// Middleware that gives each request an id, a deadline and a way to be cancelled. See the
/// [crate docs](crate).
///
/// Made by [`ContextLayer`](crate::ContextLayer).
#[derive(Clone, Debug)]
pub struct ContextService<S> {
    inner: S,
    config: Kept<Config>,
}

impl<S> ContextService<S> {
    pub(super) const fn new(inner: S, config: Kept<Config>) -> Self {
        Self { inner, config }
    }

    inner_accessors!(inner: S, "service");

    /// Apart from `call`: a request that is borrowed mutably is copied before it is passed on.
    #[inline(never)]
    fn call_prepared<B>(&mut self, mut request: Request<B>) -> ContextFuture<S::Future>
    where
        S: Service<Request<B>>,
    {
        let context = begin::begin_prepared(&self.config, &mut request);
        if context.state().is_expired() {
            return ContextFuture::rejected(Some(context));
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
        if self.config.looks_into(&request) || has_current() {
            return self.call_prepared(request);
        }
        let context = begin::begin(&self.config, Client::of(&request));
        self.call_in(context, request)
    }
}
