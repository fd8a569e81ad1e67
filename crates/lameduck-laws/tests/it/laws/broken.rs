//! A service around a probe that does with a request what a test wants, right or wrong.

use std::{
    fmt,
    future::Future,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use lameduck_laws::{Probe, ProbeBody, ProbeError, ProbeFuture};
use tower_service::Service;

/// What a broken layer returns from `poll_ready`.
type Ready = fn(&mut Probe, &mut Context<'_>) -> Poll<Result<(), ProbeError>>;

/// A `call` that is the probe's own.
type Call = fn(&mut Probe, Request<ProbeBody>) -> ProbeFuture;

pub(super) struct Broken<C> {
    inner: Probe,
    ready: Ready,
    call: C,
}

/// A layer that is broken in `call` or in its future.
pub(super) fn broken<C, F>(inner: Probe, call: C) -> Broken<C>
where
    C: Fn(&mut Probe, Request<ProbeBody>) -> F,
{
    Broken { inner, ready: |inner, cx| inner.poll_ready(cx), call }
}

/// A layer that is broken in `poll_ready`.
pub(super) fn broken_ready(inner: Probe, ready: Ready) -> Broken<Call> {
    Broken { inner, ready, call: Probe::call }
}

impl<C, F, B, E> Service<Request<ProbeBody>> for Broken<C>
where
    C: Fn(&mut Probe, Request<ProbeBody>) -> F,
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes, Error: fmt::Debug>,
    E: From<ProbeError>,
{
    type Response = Response<B>;
    type Error = E;
    type Future = F;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        (self.ready)(&mut self.inner, cx).map_err(E::from)
    }

    fn call(&mut self, request: Request<ProbeBody>) -> F {
        (self.call)(&mut self.inner, request)
    }
}
