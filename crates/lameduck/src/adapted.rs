//! A service of axum requests under a hyper server.

use std::{
    mem,
    task::{Context, Poll},
};

use axum::body::{Body, HttpBody as _};
use http::{Extensions, Request};
use hyper::body::Incoming;
use tower_service::Service;

/// Gives each request the body type of axum, and the extensions of its connection.
///
/// `map_request` of tower and `Extension` of axum do the same, and move the request once more each.
#[derive(Clone, Debug)]
pub(crate) struct Adapted<S> {
    inner: S,
    /// Those of the connection, cloned for each request.
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
        // Taken out of the head: the head would be copied once more if its address were passed on.
        let mut extensions = mem::take(&mut head.extensions);
        extensions.extend(self.extensions.clone());
        head.extensions = extensions;
        // An empty body needs no box.
        let body = if body.is_end_stream() { Body::empty() } else { Body::new(body) };
        self.inner.call(Request::from_parts(head, body))
    }
}
