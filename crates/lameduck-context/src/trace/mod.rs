//! W3C trace context: the trace that a request belongs to, propagated to the calls it makes.

mod lists;
mod parent;

use http::{HeaderMap, HeaderName, HeaderValue};

use self::parent::TraceParent;
pub use self::parent::{SpanId, TraceId};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// How the trace of a request is propagated. For
/// [`ContextOptions::trace`](crate::ContextOptions::trace).
///
/// One allocation for a request with a trace or a baggage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceOptions {
    /// Whether each request that belongs to a trace has a span id of its own, which outbound calls
    /// name as their caller. By default it has none.
    ///
    /// For programs that export spans with the logged ids. Without such spans, it breaks the trace
    /// in two.
    pub own_spans: bool,
}

impl TraceOptions {
    /// The defaults: the trace is propagated as it came.
    #[must_use]
    pub const fn new() -> Self {
        Self { own_spans: false }
    }
}

/// The trace that a request belongs to: `traceparent`, `tracestate` and `baggage` of the W3C.
///
/// It is read strictly. An invalid `traceparent` is ignored, and its `tracestate` with it. A
/// `tracestate` of more than 32 members or 4096 bytes, and a `baggage` of more than 64 members or
/// 8192 bytes, is ignored, and so is one with an invalid member.
///
/// It is propagated and never started. A trace that started here would need a sampling decision,
/// which belongs to the program. By default the caller's span id is propagated too, as the
/// specification allows: a span id that no exporter knows would break the tree of spans in two.
/// Programs that export spans with the logged ids set [`TraceOptions::own_spans`].
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use lameduck_context::TraceContext;
///
/// let mut headers = HeaderMap::new();
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// headers.insert("traceparent", HeaderValue::from_static(parent));
/// let trace = TraceContext::read(&headers);
/// let id = trace.trace_id().map(|id| id.to_string());
/// assert_eq!(id.as_deref(), Some("0af7651916cd43dd8448eb211c80319c"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    parent: Option<TraceParent>,
    /// The request's own span, if it has one.
    own: Option<SpanId>,
    state: Option<HeaderValue>,
    baggage: Option<HeaderValue>,
}

impl TraceContext {
    /// Reads the headers of a request.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(PARENT).iter();
        let parent = lines.next().and_then(|line| TraceParent::parse(line.as_bytes()));
        // Of two parents, neither is known to be the right one.
        let parent = parent.filter(|_| lines.next().is_none());
        let state = parent.and_then(|_| lists::state(headers, &STATE));
        Self { parent, own: None, state, baggage: lists::baggage(headers, &BAGGAGE) }
    }

    /// Gives the request a span of its own, if it belongs to a trace.
    #[must_use]
    pub(crate) fn with_own_span(mut self) -> Self {
        self.parent = self.parent.map(TraceParent::with_known_flags);
        self.own = self.parent.map(|_| SpanId::fresh());
        self
    }

    /// Whether there is neither a valid trace nor a valid baggage.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parent.is_none() && self.baggage.is_none()
    }

    /// The trace, if the request belongs to one.
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.parent.map(|parent| parent.trace)
    }

    /// The span of the caller.
    #[must_use]
    pub fn parent_id(&self) -> Option<SpanId> {
        self.parent.map(|parent| parent.span)
    }

    /// The span that an outbound call names as its caller: the request's own, or else the span of
    /// the request's caller.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.own.or_else(|| self.parent_id())
    }

    /// Whether the caller records this trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.parent.is_some_and(TraceParent::is_sampled)
    }

    /// The baggage as it came, if it is valid. Trust it no more than any other header.
    #[must_use]
    pub const fn baggage(&self) -> Option<&HeaderValue> {
        self.baggage.as_ref()
    }

    /// Removes the baggage, for calls to services that must not see it.
    #[must_use]
    pub fn without_baggage(mut self) -> Self {
        self.baggage = None;
        self
    }

    /// Writes the headers of an outbound call, except those that it has already: a trace that a
    /// tracer has written, and a baggage.
    pub fn write(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(PARENT) {
            let parent = self.parent.zip(self.span_id());
            if let Some(value) = parent.and_then(|(parent, span)| parent.to_header(span)) {
                set(headers, PARENT, Some(&value));
                // A state that came without a parent belongs to no trace.
                headers.remove(STATE);
                set(headers, STATE, self.state.as_ref());
            }
        }
        set(headers, BAGGAGE, self.baggage.as_ref());
    }
}

/// Sets a header that is not there. A head that has as many headers as the map allows stays without
/// it.
fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value.filter(|_| !headers.contains_key(&name)) {
        let _ = headers.try_insert(name, value.clone());
    }
}
