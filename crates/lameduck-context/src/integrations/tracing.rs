//! The ids of a request in a span of `tracing`.

use tracing::{Span, field::display};

use crate::RequestContext;

/// See [`RequestContext::record_in`].
pub(crate) fn record(context: &RequestContext, span: &Span) {
    if span.is_disabled() {
        return;
    }
    if let Some(id) = context.request_id() {
        span.record("request_id", id);
    }
    let Some(trace) = context.trace() else { return };
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
