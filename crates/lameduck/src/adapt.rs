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
pub(crate) struct Adapted<S, K> {
    inner: S,
    known: K,
}

impl<S> Adapted<S, ()> {
    pub(crate) const fn new(inner: S) -> Self {
        Self { inner, known: () }
    }
}

impl<S> Adapted<S, Known> {
    /// With an extension for each request.
    pub(crate) fn knowing<T: Clone + Send + Sync + 'static>(inner: S, extension: T) -> Self {
        Self { inner, known: Known::new(extension) }
    }
}

/// What is added to the extensions of a request.
pub(crate) trait Add {
    fn add_to(&self, extensions: &mut Extensions);
}

impl Add for () {
    #[inline]
    fn add_to(&self, _: &mut Extensions) {}
}

/// One extension, in a map of its own.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    map: Extensions,
}

impl Known {
    fn new<T: Clone + Send + Sync + 'static>(extension: T) -> Self {
        /// Takes a place in the map.
        #[derive(Clone)]
        struct Room<const N: u8>;

        let mut map = Extensions::new();
        // A router adds three of its own, and for four a map is made anew. A copy of a map has the
        // room that the map once needed.
        map.insert(Room::<0>);
        map.insert(Room::<1>);
        map.insert(Room::<2>);
        map.insert(extension);
        map.remove::<Room<0>>();
        map.remove::<Room<1>>();
        map.remove::<Room<2>>();
        Self { map }
    }
}

impl Add for Known {
    #[inline]
    fn add_to(&self, extensions: &mut Extensions) {
        extensions.extend(self.map.clone());
    }
}

impl<S: Service<Request<Body>>, K: Add> Service<Request<Incoming>> for Adapted<S, K> {
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
        self.known.add_to(&mut extensions);
        head.extensions = extensions;
        // One without a body costs no box for it.
        let body = if body.is_end_stream() { Body::empty() } else { Body::new(body) };
        self.inner.call(Request::from_parts(head, body))
    }
}
