//! Answers for probes: ready or not, alive at all.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use lameduck_core::{Phase, PhaseWatch};
use tower_service::Service;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Answers a readiness probe: 200 while running, else 503.
///
/// A load balancer that probes stops sending new clients as soon as a stop begins, while those it
/// has already sent are still served. The body is `{"status":"running"}`, with the phase's name.
///
/// ```
/// use lameduck_drain::{Readyz, phase_channel};
///
/// let (_sender, watch) = phase_channel();
/// let app: axum::Router = axum::Router::new().route_service("/readyz", Readyz::new(watch));
/// # drop(app);
/// ```
#[derive(Clone, Debug)]
pub struct Readyz {
    watch: PhaseWatch,
}

impl Readyz {
    /// Makes a service that follows this phase.
    #[must_use]
    pub const fn new(watch: PhaseWatch) -> Self {
        Self { watch }
    }
}

/// Answers a liveness probe: 200 as long as the process runs, also while it drains.
///
/// If it failed while draining, the supervisor would kill the process in the middle of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Livez(());

impl Livez {
    /// Makes the service.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl<B> Service<Request<B>> for Readyz {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let phase = self.watch.current();
        let status =
            if phase.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        ready(Ok(answer(status, body_of(phase))))
    }
}

impl<B> Service<Request<B>> for Livez {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(answer(StatusCode::OK, Bytes::from_static(br#"{"status":"alive"}"#))))
    }
}

fn body_of(phase: Phase) -> Bytes {
    // A phase's name is a lower-case word, which needs no escaping.
    Bytes::from(format!(r#"{{"status":"{phase}"}}"#))
}

fn answer(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}
