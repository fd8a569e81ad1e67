//! W3C trace context: what a request says of the trace it belongs to, carried on to others.

mod lists;
mod parent;

use http::{HeaderMap, HeaderName, HeaderValue};

use self::parent::TraceParent;
pub use self::parent::{SpanId, TraceId};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What a request says of the trace it belongs to: `traceparent`, `tracestate` and `baggage` of the
/// W3C.
///
/// Read strictly: a `traceparent` that is not valid is none, and its `tracestate` with it; a
/// `tracestate` of more than 32 members or 4096 bytes, and a `baggage` of more than 64 members or
/// 8192 bytes, is left out, as one is in which any member is not valid.
///
/// It is passed through, which the specification allows to whoever records no spans: a span id of
/// our own would be a caller that nobody has ever recorded, and break the tree in two. A trace is
/// never begun here either: whether it is sampled is not ours to decide. Who does export spans by
/// the ids that are logged says so with
/// [`ContextLayer::with_own_spans`](crate::ContextLayer::with_own_spans).
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
    /// Reads what the headers say.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(PARENT).iter();
        let parent = lines.next().and_then(|line| TraceParent::parse(line.as_bytes()));
        // Two parents are none.
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

    /// Whether the headers said nothing, or nothing valid.
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

    /// The span that a call which goes out names as its caller: the request's own, or else the one
    /// that called us.
    #[must_use]
    pub fn span_id(&self) -> Option<SpanId> {
        self.own.or_else(|| self.parent_id())
    }

    /// Whether the caller says that it records this trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.parent.is_some_and(TraceParent::is_sampled)
    }

    /// The baggage as it came, if it is valid. It was not asked for: trust it like any header.
    #[must_use]
    pub const fn baggage(&self) -> Option<&HeaderValue> {
        self.baggage.as_ref()
    }

    /// Leaves the baggage out, for calls to those whom it does not concern.
    #[must_use]
    pub fn without_baggage(mut self) -> Self {
        self.baggage = None;
        self
    }

    /// Writes the headers of a call that goes out, but for those that it has already: a trace that
    /// a tracer has written, and a baggage.
    pub fn write(&self, headers: &mut HeaderMap) {
        if !headers.contains_key(PARENT) {
            let parent = self.parent.zip(self.span_id());
            if let Some(value) = parent.and_then(|(parent, span)| parent.to_header(span)) {
                set(headers, PARENT, Some(&value));
                // One without a parent belongs to no trace.
                headers.remove(STATE);
                set(headers, STATE, self.state.as_ref());
            }
        }
        set(headers, BAGGAGE, self.baggage.as_ref());
    }
}

/// Sets a header that is not there. Headers so many that one more is refused go without.
fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<&HeaderValue>) {
    if let Some(value) = value.filter(|_| !headers.contains_key(&name)) {
        let _ = headers.try_insert(name, value.clone());
    }
}
