//! The layer, and what it can be told.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use lameduck_core::PhaseWatch;
use tower_layer::Layer;

use crate::{ContextService, Interrupted, config::Config, id::IdPolicy};

/// Wraps services in [`ContextService`]. See the [crate docs](crate).
///
/// What is set here is kept for as long as the process lives, once it has wrapped a service; once
/// for all services of a layer and its clones. So neither a request nor the clone of a service
/// that a server makes for it touches a reference count.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct ContextLayer {
    config: Arc<Config>,
    /// The same, leaked when it first wraps a service.
    kept: Arc<OnceLock<&'static Config>>,
}

impl ContextLayer {
    /// Makes a layer that gives each request an id and a context, and sets it no limit.
    ///
    /// The id is the client's `x-request-id` if that is safe, else a fresh version 7 UUID. It is
    /// told on the response.
    pub fn new() -> Self {
        Self { config: Arc::default(), kept: Arc::default() }
    }

    /// Sets how long a handler may take to answer. By default there is no limit.
    ///
    /// The time counts from the first time the handler waits or asks for its context, so a handler
    /// that does neither costs no look at a clock: late by the duration of its first poll. The
    /// response body has a [limit of its own](Self::with_body_limit).
    ///
    /// Zero cuts off every handler that is not ready at once. A limit that lies past the end of
    /// the clock is as good as none.
    pub fn with_timeout(self, limit: Duration) -> Self {
        self.with(|config| config.timeout = Some(limit))
    }

    /// Sets how long a response body may take. By default there is no limit, so that streams live.
    ///
    /// The time counts from the first time the body waits. A client that is slow to read is not
    /// the body's fault: to bound that is the server's work.
    pub fn with_body_limit(self, limit: Duration) -> Self {
        self.with(|config| config.body_limit = Some(limit))
    }

    /// Sets how long a handler that holds its context may take to answer once it was cancelled at
    /// its deadline. By default 500 ms.
    ///
    /// Enough to write a partial result down or to undo a step; short beside the time the client
    /// has waited already.
    pub fn with_grace(self, grace: Duration) -> Self {
        self.with(|config| config.grace = grace)
    }

    /// Follows the phases of a stop. By default no phase is followed.
    ///
    /// At [`Phase::Cancelling`] the context is cancelled, and no deadline lies after it. At
    /// [`Phase::Forced`] handlers and response bodies are dropped.
    ///
    /// [`Phase::Cancelling`]: lameduck_core::Phase::Cancelling
    /// [`Phase::Forced`]: lameduck_core::Phase::Forced
    pub fn with_phase(self, phase: PhaseWatch) -> Self {
        self.with(|config| config.phase = Some(phase))
    }

    /// Gives requests no id.
    pub fn without_request_id(self) -> Self {
        self.with(|config| config.id = None)
    }

    /// Sets the header that carries the id, on requests and responses. By default `x-request-id`.
    pub fn with_request_id_header(self, name: HeaderName) -> Self {
        self.with_id(|id| id.header = name)
    }

    /// Sets whether a client's own id is taken over if it is safe. By default it is.
    ///
    /// Safe are 1 to 128 of the characters `A-Z a-z 0-9 . _ : + / = @ -`, in one header line. An id
    /// that is not taken over is removed from the request: nothing inside can log it or send it on.
    /// Say `false` at the edge, where a client could choose the id of another's request.
    pub fn with_inbound_request_id(self, accepted: bool) -> Self {
        self.with_id(|id| id.inbound = accepted)
    }

    /// Sets whether the id is told on the response. By default it is.
    pub fn with_response_header(self, told: bool) -> Self {
        self.with_id(|id| id.echo = told)
    }

    /// Also inserts the [`RequestContext`](crate::RequestContext) into the request's extensions.
    /// By default it does not.
    ///
    /// For code that sees the request and not the task: up to three allocations for each request.
    pub fn with_extension(self) -> Self {
        self.with(|config| config.extension = true)
    }

    /// Calls `f` with each request's id, before the inner service. By default nothing is called.
    ///
    /// For a ledger that names requests. `f` is on the path of every request: keep it short.
    pub fn with_on_request_id<F>(self, f: F) -> Self
    where
        F: Fn(&HeaderValue) + Send + Sync + 'static,
    {
        self.with(|config| config.on_id = Some(Arc::new(f)))
    }

    /// Makes the answer for a handler that was stopped. By default it is a problem document: 504
    /// with the code `deadline_exceeded`, 503 with the code `shutdown_forced`.
    ///
    /// The marker [`MaybeExecuted`](lameduck_core::MaybeExecuted), the request id and, where it
    /// belongs, `Connection: close` are added to what `f` returns. A gRPC call is answered in its
    /// own protocol, whatever `f` says.
    pub fn with_response<F>(self, f: F) -> Self
    where
        F: Fn(Interrupted) -> Response<Bytes> + Send + Sync + 'static,
    {
        self.with(|config| config.response = Some(Arc::new(f)))
    }

    /// Changes what is done with ids. Nothing, if there are none.
    fn with_id(self, change: impl FnOnce(&mut IdPolicy)) -> Self {
        self.with(|config| {
            if let Some(id) = &mut config.id {
                change(id);
            }
        })
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        // A clone that is configured on does not change the layers and services made before it.
        let config = Arc::make_mut(&mut self.config);
        change(config);
        config.sum_up();
        // What was kept before this is another layer's.
        self.kept = Arc::default();
        self
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
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
        let keep = || &**Box::leak(Box::new(Arc::clone(&self.config)));
        ContextService::new(inner, self.kept.get_or_init(keep))
    }
}
