//! What else a layer can be told: deadlines from outside, traces, spawned work.

use std::{any::Any, borrow::Cow, sync::Arc, time::Duration};

use crate::{ContextCounts, ContextLayer, InboundDeadline, RequestHead, config::TracePolicy};

impl ContextLayer {
    /// Sets the time limit by the request: of one route, of one method. By default every request
    /// has that of [`with_timeout`](Self::with_timeout).
    ///
    /// What `f` returns is the limit, and none is none, as a stream's route wants it that answers
    /// late. [Bodies](Self::with_body_limit) have theirs as before. `f` is on the path of every
    /// request: keep it short.
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
        self.with(|config| config.limit_by = Some(Arc::new(f)))
    }

    /// Takes over the deadlines that callers send. By default none is read: at a public edge a
    /// stranger would choose how long a request may live, and which are turned away.
    pub fn with_inbound_deadline(self, policy: InboundDeadline) -> Self {
        self.with(|config| config.inbound = Some(policy))
    }

    /// Sets how long before the end of the drain a request's deadline lies, so that there is time to
    /// answer. By default none.
    ///
    /// The deadline that a handler sees and sends on moves by it. The handler is told at
    /// cancelling, as before.
    pub fn with_drain_reserve(self, reserve: Duration) -> Self {
        self.with(|config| config.drain_reserve = reserve)
    }

    /// Carries on the trace that a request belongs to, see [`TraceContext`](crate::TraceContext). By
    /// default its headers are not read.
    ///
    /// One allocation for a request with a trace or a baggage.
    pub fn with_trace_context(self) -> Self {
        self.with(|config| config.trace = TracePolicy::PassedThrough)
    }

    /// As [`with_trace_context`](Self::with_trace_context), and gives each request that belongs to a
    /// trace a span id of its own, which calls that go out name as their caller.
    ///
    /// For those who log spans with these ids and export them; else it breaks the trace in two.
    pub fn with_own_spans(self) -> Self {
        self.with(|config| config.trace = TracePolicy::OwnSpans)
    }

    /// Counts [spawned](crate::RequestContext::spawn) work: `f` is called with its name before it
    /// begins, and what it returns is dropped after its end. By default it is not counted.
    ///
    /// A guard that holds up a stop is what to return: `move |name| in_flight.enter_named(name)`.
    pub fn with_tracker<F, G>(self, f: F) -> Self
    where
        F: Fn(Cow<'static, str>) -> G + Send + Sync + 'static,
        G: Send + 'static,
    {
        let track = move |name| -> Box<dyn Any + Send> { Box::new(f(name)) };
        self.with(|config| config.track = Some(Arc::new(track)))
    }

    /// What became of the requests that did not simply end well, in numbers.
    #[must_use]
    pub fn counts(&self) -> ContextCounts {
        self.config().counts.clone()
    }
}
