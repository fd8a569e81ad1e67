//! A service of axum's requests under a server of hyper's.

use std::{
    mem,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody as _};
use http::{Extensions, Request};
use hyper::body::Incoming;
use tower_service::Service;

/// Gives each request the body that axum has, and what is known of its connection.
///
/// `tower`'s `map_request` and axum's `Extension` do the same, with a copy of the request for each.
#[derive(Clone, Debug)]
pub(crate) struct Adapted<S> {
    inner: S,
    /// Of the connection, for each request.
    extensions: Extensions,
}

impl<S> Adapted<S> {
    pub(crate) const fn new(inner: S, extensions: Extensions) -> Self {
        Self { inner, extensions }
    }
}

impl<S: Service<Request<Body>>> Service<Request<Incoming>> for Adapted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<Incoming>) -> S::Future {
        let (mut head, body) = request.into_parts();
        // Apart from the rest, which is copied once more if its address is given away.
        let mut extensions = mem::take(&mut head.extensions);
        extensions.extend(self.extensions.clone());
        head.extensions = extensions;
        // One without a body costs no box for it.
        let body = if body.is_end_stream() { Body::empty() } else { Body::new(body) };
        self.inner.call(Request::from_parts(head, body))
    }
}
