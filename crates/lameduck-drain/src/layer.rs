//! The layer and its options.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use lameduck_core::PhaseWatch;
use tower_layer::Layer;

use crate::{
    DrainService, InvalidRejection, Rejection, Rejections, RetryAfter, config::Config,
    exempt::Exempt, gate::Gate, gradual::Gradual, sampler::Sampler,
};

/// Wraps services in [`DrainService`]. See the [crate docs](crate).
///
/// What is set here is kept for as long as the process lives, once it has wrapped a service; once
/// for all services of a layer and its clones. So neither a request nor the clone of a service
/// that a server makes for it touches a reference count.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct DrainLayer {
    config: Arc<Config>,
    /// The same, leaked when it first wraps a service.
    kept: Arc<OnceLock<&'static Config>>,
}

impl DrainLayer {
    /// Makes a layer that turns requests away from [`Phase::Draining`] on.
    ///
    /// [`Phase::Draining`]: lameduck_core::Phase::Draining
    pub fn new(watch: PhaseWatch) -> Self {
        Self { config: Arc::new(Config::new(watch)), kept: Arc::default() }
    }

    /// Sets the status of a refusal. By default 503. gRPC calls always get `UNAVAILABLE`.
    ///
    /// # Errors
    ///
    /// A status below 400 or above 599 would tell the client that its request was executed.
    pub fn with_status(self, status: StatusCode) -> Result<Self, InvalidRejection> {
        if !status.is_client_error() && !status.is_server_error() {
            return Err(InvalidRejection::new(status));
        }
        Ok(self.with(|config| config.status = status))
    }

    /// Sets when clients that were turned away should come back. By default in 1 to 3 s.
    pub fn with_retry_after(self, retry_after: RetryAfter) -> Self {
        self.with(|config| config.retry_after = retry_after)
    }

    /// Serves this path to the very end. One that ends in `/` stands for all below it.
    ///
    /// By default `/livez`, `/readyz`, `/healthz` and `/grpc.health.v1.Health/` are exempt: a
    /// liveness probe that is turned away would have the process killed.
    pub fn with_exempt_path(self, path: impl Into<String>) -> Self {
        self.with(|config| config.exempt.add_path(path.into()))
    }

    /// Serves requests that this closure is true of to the very end. Asked only while draining.
    pub fn with_exempt(
        self,
        predicate: impl Fn(&Method, &Uri, &HeaderMap) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.exempt.add(predicate))
    }

    /// Exempts nothing, not even probes; what was exempt before this is not any more.
    pub fn without_exempt(self) -> Self {
        self.with(|config| config.exempt = Exempt::nothing())
    }

    /// Makes the refusal with this closure, instead of a problem document.
    ///
    /// `Retry-After` (unless the response has one), `Connection: close` on HTTP/1 and the marker
    /// `NotExecuted` are added. gRPC calls still get `UNAVAILABLE`.
    pub fn with_response(
        self,
        response: impl Fn(Rejection) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.response = Some(Arc::new(response)))
    }

    /// Puts this header on every answer that asks its client to leave and on every refusal, on any
    /// version of HTTP and once. By default there is none.
    ///
    /// For proxies that look for one: with `x-envoy-immediate-health-check-fail: true`, Envoy stops
    /// to send new requests at the first answer, without waiting for its next probe.
    pub fn with_marker(self, name: HeaderName, value: HeaderValue) -> Self {
        self.with(|config| config.marker = Some((name, value)))
    }

    /// Spreads the farewell over the last `window` of lame duck, so that not all clients reconnect
    /// elsewhere in one moment.
    ///
    /// The share of answers that say `Connection: close` grows evenly from none to all. By default
    /// every answer of lame duck says it, as it does when nobody said when lame duck ends
    /// ([`PhaseSender::set_deadlines`](lameduck_core::PhaseSender::set_deadlines)).
    pub fn with_gradual_close(self, window: Duration) -> Self {
        self.with(|config| config.gradual_farewell = Some(Gradual::new(window)))
    }

    /// Turns a share of requests away during the last `window` of lame duck already, which grows
    /// evenly from none to all.
    ///
    /// For clients that follow `Retry-After` but do not look at `Connection: close`. By default
    /// none is turned away before draining, and none when nobody said when lame duck ends.
    pub fn with_gradual_rejection(self, window: Duration) -> Self {
        self.with(|config| config.gradual_rejection = Some(Gradual::new(window)))
    }

    /// Draws jitter and shares from this seed, so that a test sees the same ones every time. By
    /// default they differ in every process.
    pub fn with_seed(self, seed: u64) -> Self {
        self.with(|config| config.sampler = Arc::new(Sampler::seeded(seed)))
    }

    /// How many requests were turned away, by every service of this layer and of its clones.
    #[must_use]
    pub fn rejections(&self) -> Rejections {
        self.config.rejections.clone()
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        // What was kept before this is another layer's.
        self.kept = Arc::default();
        self
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = DrainService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let keep = || &**Box::leak(Box::new(Arc::clone(&self.config)));
        DrainService::new(inner, Gate::new(self.kept.get_or_init(keep)))
    }
}
