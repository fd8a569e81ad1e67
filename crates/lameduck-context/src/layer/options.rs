//! What a layer does with requests: plain data, changed in place.

use std::time::Duration;

use crate::{InboundDeadline, RequestIdOptions, TraceOptions};

/// Enough to write a partial result or to roll a step back, and short beside the time that the
/// client has waited already.
const GRACE: Duration = Duration::from_millis(500);

/// Enough to write an answer, and little beside the 15 s that a drain takes by default.
const DRAIN_RESERVE: Duration = Duration::from_millis(50);

/// What a [`ContextLayer`](crate::ContextLayer) does with requests.
///
/// [`ContextLayer::with_options`](crate::ContextLayer::with_options) changes it in place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ContextOptions {
    /// How long a request may take.
    pub timeouts: RequestTimeouts,

    /// The ids of requests. `None` gives requests no id. By default [`RequestIdOptions::new`].
    pub request_id: Option<RequestIdOptions>,

    /// Deadlines that callers send. `None`, the default, reads none: at a public edge, a stranger
    /// would choose how long a request may live and which ones are rejected.
    pub inbound_deadline: Option<InboundDeadline>,

    /// Propagates the trace that a request belongs to, see [`TraceContext`](crate::TraceContext).
    /// `None`, the default, reads no trace headers.
    pub trace: Option<TraceOptions>,

    /// Whether the [`RequestContext`](crate::RequestContext) is also in the extensions of the
    /// request. By default it is not.
    ///
    /// For code that sees the request and not its task. Up to three allocations for each request.
    pub extension: bool,
}

impl ContextOptions {
    /// The defaults: an id, no timeout, nothing that callers can set but the id.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            timeouts: RequestTimeouts::new(),
            request_id: Some(RequestIdOptions::new()),
            inbound_deadline: None,
            trace: None,
            extension: false,
        }
    }
}

impl Default for ContextOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How long a request may take, part by part.
///
/// A duration that ends past the end of the clock is as good as none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestTimeouts {
    /// How long a handler may take to answer. `None`, the default, is no limit.
    /// [`ContextLayer::with_timeout`](crate::ContextLayer::with_timeout) sets it, and
    /// [`with_timeout_by`](crate::ContextLayer::with_timeout_by) replaces it request by request.
    ///
    /// The time counts from the first time that the handler waits or asks for its deadline, so a
    /// handler that does neither never reads the clock: the deadline is late by the duration of its
    /// first poll. Zero drops every handler that is not ready at once.
    pub handler: Option<Duration>,

    /// How long a response body may take. `None`, the default, is no limit, so that streams live.
    ///
    /// The time counts from the first time that the body waits. A client that reads slowly is not
    /// the body's fault: to bound it is the server's work.
    pub body: Option<Duration>,

    /// How long a handler that holds its context may still take to answer after it was notified of
    /// its deadline. By default 500 ms. `None` drops every handler at its deadline.
    pub grace: Option<Duration>,

    /// How long before the end of the drain the deadline of a request lies, so that there is time
    /// to answer. By default 50 ms. It has no effect without a
    /// [phase](crate::ContextLayer::with_phase).
    ///
    /// It moves the deadline that a handler sees and sends on. The handler is notified at
    /// [`Phase::Cancelling`](crate::Phase::Cancelling), not before.
    pub drain_reserve: Duration,
}

impl RequestTimeouts {
    /// The defaults: no limit for handlers and bodies.
    #[must_use]
    pub const fn new() -> Self {
        Self { handler: None, body: None, grace: Some(GRACE), drain_reserve: DRAIN_RESERVE }
    }
}

impl Default for RequestTimeouts {
    fn default() -> Self {
        Self::new()
    }
}
