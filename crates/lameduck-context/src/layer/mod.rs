//! The layer that gives each request a context.

mod begin;
mod body;
pub(crate) mod client;
pub(crate) mod config;
mod counts;
mod future;
mod head;
mod interrupted;
mod options;
mod outcome;
mod service;

use std::{any::Any, borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response};
use lameduck_core::{
    PhaseWatch,
    plumbing::{Allowance, LayerConfig},
};
use tower_layer::Layer;

use self::config::Config;

pub use self::{
    body::{BodyInterrupted, ContextBody},
    counts::ContextCounts,
    future::ContextFuture,
    head::RequestHead,
    interrupted::Interrupted,
    options::{ContextOptions, RequestTimeouts},
    service::ContextService,
};

/// How many configurations of this layer a process keeps for as long as it lives.
static KEPT: Allowance = Allowance::new();

/// Wraps services in [`ContextService`]. See the [crate docs](crate).
///
/// The options of the first 64 layers that wrap a service live as long as the process, once for
/// all services of a layer and of its clones. So neither a request nor the clone of a service that
/// a server makes for it touches a reference count. The options of later layers are counted and
/// freed, so that a router may be rebuilt any number of times.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ContextLayer {
    config: LayerConfig<Config>,
}

impl ContextLayer {
    /// Makes a layer that gives each request an id and a context, and no time limit.
    ///
    /// The id is the client's `x-request-id` if it is safe, else a fresh version 7 UUID. The
    /// response carries it.
    pub fn new() -> Self {
        let mut config = Config::default();
        config.sum_up();
        Self { config: LayerConfig::new(config) }
    }

    /// Sets how long a handler may take to answer: [`RequestTimeouts::handler`]. By default there
    /// is no limit.
    pub fn with_timeout(self, limit: Duration) -> Self {
        self.with_options(|options| options.timeouts.handler = Some(limit))
    }

    /// Sets the time limit request by request: for one route, for one method. By default every
    /// request has that of [`with_timeout`](Self::with_timeout).
    ///
    /// `f` returns the limit, or `None` for no limit, as the route of a stream that answers late
    /// needs. [`RequestTimeouts::body`] is not affected. Every request calls `f`: keep it short.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lameduck_context::ContextLayer;
    /// let layer = ContextLayer::new().with_timeout_by(|head| match head.uri().path() {
    ///     "/events" => None,
    ///     "/report" => Some(Duration::from_secs(60)),
    ///     _ => Some(Duration::from_secs(5)),
    /// });
    /// # let _ = layer;
    /// ```
    pub fn with_timeout_by<F>(self, f: F) -> Self
    where
        F: Fn(&RequestHead<'_>) -> Option<Duration> + Send + Sync + 'static,
    {
        self.change(|config| config.timeout_by = Some(Arc::new(f)))
    }

    /// Changes the options in place. By default [`ContextOptions::new`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lameduck_context::{ContextLayer, InboundDeadline};
    /// let layer = ContextLayer::new().with_options(|options| {
    ///     options.timeouts.body = Some(Duration::from_secs(60));
    ///     options.inbound_deadline = Some(InboundDeadline::new());
    /// });
    /// # let _ = layer;
    /// ```
    pub fn with_options(self, change: impl FnOnce(&mut ContextOptions)) -> Self {
        self.change(|config| change(&mut config.options))
    }

    /// Follows the phases of a stop. By default no phase is followed.
    ///
    /// At [`Phase::Cancelling`] the context is cancelled, and no deadline lies after it. At
    /// [`Phase::Forced`] handlers and response bodies are dropped.
    ///
    /// [`Phase::Cancelling`]: crate::Phase::Cancelling
    /// [`Phase::Forced`]: crate::Phase::Forced
    pub fn with_phase(self, phase: PhaseWatch) -> Self {
        self.change(|config| config.phase = Some(phase))
    }

    /// Calls `f` with the id of each request, before the inner service. By default nothing is
    /// called. A second call replaces the first.
    ///
    /// For a ledger that names requests. Every request calls `f`: keep it short.
    pub fn on_request_id<F>(self, f: F) -> Self
    where
        F: Fn(&HeaderValue) + Send + Sync + 'static,
    {
        self.change(|config| config.on_request_id = Some(Arc::new(f)))
    }

    /// Makes the answer for a handler that was stopped. By default it is a problem document: 504
    /// with the code `deadline_exceeded`, 503 with the code `shutdown_forced`.
    ///
    /// The layer adds the marker [`MaybeExecuted`](crate::MaybeExecuted), the request id and, where
    /// it belongs, `Connection: close` to what `f` returns. A gRPC call is answered in its own
    /// protocol, without `f`.
    pub fn with_response<F>(self, f: F) -> Self
    where
        F: Fn(Interrupted) -> Response<Bytes> + Send + Sync + 'static,
    {
        self.change(|config| config.response = Some(Arc::new(f)))
    }

    /// Counts [spawned](crate::RequestContext::spawn) work: `f` is called with the name of the work
    /// before it begins, and what `f` returns is dropped after the work's end. By default spawned
    /// work is not counted.
    ///
    /// Return a guard that a stop waits for: `move |name| in_flight.enter_named(name)`.
    pub fn with_tracker<F, G>(self, f: F) -> Self
    where
        F: Fn(Cow<'static, str>) -> G + Send + Sync + 'static,
        G: Send + 'static,
    {
        let track = move |name| -> Box<dyn Any + Send> { Box::new(f(name)) };
        self.change(|config| config.track = Some(Arc::new(track)))
    }

    /// The numbers of requests that did not simply end well, by outcome.
    #[must_use]
    pub fn counts(&self) -> ContextCounts {
        self.config.counts.clone()
    }

    fn change(mut self, change: impl FnOnce(&mut Config)) -> Self {
        self.config.change(|config| {
            change(config);
            config.sum_up();
        });
        self
    }
}

impl Default for ContextLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ContextLayer {
    type Service = ContextService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ContextService::new(inner, self.config.keep(&KEPT))
    }
}
