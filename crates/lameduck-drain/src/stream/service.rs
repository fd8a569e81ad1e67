//! The service that ends the streams of a route.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use lameduck_core::plumbing::{Kept, inner_accessors};
use tower_service::Service;

use super::{UntilDrainBody, UntilDrainFuture, route::Route};
use crate::close_header::Closable;

/// Middleware that ends streams when the server drains. See
/// [`UntilDrainLayer`](crate::UntilDrainLayer).
#[derive(Clone, Debug)]
pub struct UntilDrainService<S> {
    inner: S,
    route: Kept<Route>,
}

impl<S> UntilDrainService<S> {
    pub(super) const fn new(inner: S, route: Kept<Route>) -> Self {
        Self { inner, route }
    }

    inner_accessors!(inner: S, "service");
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for UntilDrainService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
    ResBody::Data: From<Bytes>,
{
    type Response = Response<UntilDrainBody<ResBody>>;
    type Error = S::Error;
    type Future = UntilDrainFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let closable = Closable::of(&request);
        UntilDrainFuture::new(self.inner.call(request), self.route.clone(), closable)
    }
}
