//! Clients whose requests are not [`http::Request`]s.

use std::task::{Context, Poll};

use tower_service::Service;

use super::{
    error::OutboundError,
    layer::HeadersOf,
    service::{OutboundFuture, OutboundService},
};

impl<S, R> Service<R> for OutboundService<S, HeadersOf<R>>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = OutboundError<S::Error>;
    type Future = OutboundFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(OutboundError::failed)
    }

    fn call(&mut self, mut request: R) -> Self::Future {
        let context = self.layer.begin((self.layer.headers_of)(&mut request));
        OutboundFuture::begin(context, || self.inner.call(request))
    }
}
