//! The same for clients whose requests are of another type.

use std::{
    fmt,
    task::{Context, Poll},
};

use http::HeaderMap;
use tower_layer::Layer;
use tower_service::Service;

use super::{OutboundError, OutboundFuture, OutboundLayer};

/// Where a client's request has its headers.
type HeadersOf<R> = fn(&mut R) -> &mut HeaderMap;

/// Wraps clients whose requests are not [`http::Request`]s in [`OutboundOfService`]. Made by
/// [`OutboundLayer::of`].
#[must_use = "a layer does nothing until it wraps a client"]
pub struct OutboundOfLayer<R> {
    layer: OutboundLayer,
    headers_of: HeadersOf<R>,
}

impl OutboundLayer {
    /// For clients whose requests are of another type: `headers_of` says where they have their
    /// headers.
    ///
    /// reqwest's is one:
    ///
    /// ```
    /// # use lameduck_context::OutboundLayer;
    /// # use tower::Layer;
    /// let layer = OutboundLayer::new().of(reqwest::Request::headers_mut);
    /// let client = layer.layer(reqwest::Client::new());
    /// // … client.oneshot(request).await?
    /// # drop(client);
    /// ```
    pub fn of<R>(self, headers_of: fn(&mut R) -> &mut HeaderMap) -> OutboundOfLayer<R> {
        OutboundOfLayer { layer: self, headers_of }
    }
}

impl<S, R> Layer<S> for OutboundOfLayer<R> {
    type Service = OutboundOfService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { layer, headers_of } = self;
        OutboundOfService { inner, layer: layer.clone(), headers_of: *headers_of }
    }
}

/// A client whose calls take along what is left of their request's time, and end with it. Made by
/// [`OutboundOfLayer`].
pub struct OutboundOfService<S, R> {
    inner: S,
    layer: OutboundLayer,
    headers_of: HeadersOf<R>,
}

impl<S, R> OutboundOfService<S, R> {
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

impl<S, R> Service<R> for OutboundOfService<S, R>
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
        let begun = self.layer.begin((self.headers_of)(&mut request));
        OutboundFuture::begin(begun, || self.inner.call(request))
    }
}

// By hand, here and below: the request's type has nothing to do with it.
impl<R> Clone for OutboundOfLayer<R> {
    fn clone(&self) -> Self {
        Self { layer: self.layer.clone(), headers_of: self.headers_of }
    }
}

impl<S: Clone, R> Clone for OutboundOfService<S, R> {
    fn clone(&self) -> Self {
        let Self { inner, layer, headers_of } = self;
        Self { inner: inner.clone(), layer: layer.clone(), headers_of: *headers_of }
    }
}

impl<R> fmt::Debug for OutboundOfLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, headers_of: _ } = self;
        f.debug_struct("OutboundOfLayer").field("layer", layer).finish_non_exhaustive()
    }
}

impl<S: fmt::Debug, R> fmt::Debug for OutboundOfService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, layer, headers_of: _ } = self;
        f.debug_struct("OutboundOfService")
            .field("inner", inner)
            .field("layer", layer)
            .finish_non_exhaustive()
    }
}
