//! The ids of a request in a span of `tracing`.

use tracing::{Span, field::display};

use crate::RequestContext;

impl RequestContext {
    /// Records the request's ids in those of the fields `request_id`, `trace_id`, `span_id` and
    /// `parent_id` that the span has declared.
    ///
    /// These are the names and the forms (lower case, hexadecimal) under which OpenTelemetry's log
    /// model has them, so that a log and a trace find each other. `span_id` is the request's
    /// [own](crate::ContextLayer::with_own_spans) or else its caller's, `parent_id` its caller's.
    ///
    /// ```
    /// # use http::Request;
    /// use lameduck_context::RequestContext;
    /// use tracing::{Span, field::Empty, info_span};
    ///
    /// // What to give to tower-http's `TraceLayer::make_span_with`, inside of this layer.
    /// fn make_span<B>(request: &Request<B>) -> Span {
    ///     let path = request.uri().path();
    ///     let span = info_span!("request", path, request_id = Empty, trace_id = Empty, span_id = Empty);
    ///     if let Some(context) = RequestContext::current() {
    ///         context.record_in(&span);
    ///     }
    ///     span
    /// }
    /// # make_span(&Request::new(()));
    /// ```
    pub fn record_in(&self, span: &Span) {
        if span.is_disabled() {
            return;
        }
        if let Some(id) = self.request_id() {
            span.record("request_id", id);
        }
        let Some(trace) = self.trace() else { return };
        if let Some(id) = trace.trace_id() {
            span.record("trace_id", display(id));
        }
        if let Some(id) = trace.span_id() {
            span.record("span_id", display(id));
        }
        if let Some(id) = trace.parent_id() {
            span.record("parent_id", display(id));
        }
    }
}
