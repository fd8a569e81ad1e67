//! What is recorded of a request that did not simply end well: a number and an event.

use crate::{CancelReason, RequestContext};

/// How a request ended that did not simply end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its deadline had passed on arrival.
    Expired,
    /// Its handler was notified of the deadline and answered within the grace.
    AnsweredInGrace,
    /// Its handler was dropped.
    Cut(CancelReason),
    /// Its response body was ended.
    BodyCut(CancelReason),
    /// It was dropped before its answer was complete.
    ClientGone,
}

impl Outcome {
    /// Records how a request ended.
    #[cold]
    #[inline(never)]
    pub(super) fn record(self, context: &RequestContext) {
        let counts = &context.config().counts;
        match self {
            // Counted where the deadline was read, because `count_only` does the same.
            Self::Expired => {}
            Self::AnsweredInGrace => counts.note_answered_in_grace(),
            Self::Cut(CancelReason::Shutdown) => counts.note_forced(),
            Self::Cut(_) => counts.note_deadline_exceeded(),
            Self::BodyCut(_) => counts.note_body_cut(),
            // A panic is not a client that leaves. A request inside of another one is dropped by
            // that one, which records why.
            Self::ClientGone if std::thread::panicking() || context.parent().is_some() => return,
            Self::ClientGone => counts.note_client_gone(),
        }
        self.log(context);
    }

    /// The status to show in logs and metrics, whether or not the client saw it.
    const fn status(self) -> u16 {
        match self {
            Self::Expired | Self::Cut(CancelReason::DeadlineExceeded) => 504,
            Self::Cut(_) => 503,
            Self::AnsweredInGrace | Self::BodyCut(_) => 200,
            // HTTP has no status for it; nginx's is the custom.
            Self::ClientGone => 499,
        }
    }

    /// The event's name.
    const fn event(self) -> &'static str {
        match self {
            Self::Expired => "request.expired",
            Self::AnsweredInGrace => "request.answered_in_grace",
            Self::Cut(_) => "request.cut",
            Self::BodyCut(_) => "request.body_cut",
            Self::ClientGone => "request.client_gone",
        }
    }

    const fn reason(self) -> CancelReason {
        match self {
            Self::Cut(reason) | Self::BodyCut(reason) => reason,
            Self::Expired | Self::AnsweredInGrace => CancelReason::DeadlineExceeded,
            Self::ClientGone => CancelReason::ClientGone,
        }
    }

    #[cfg(feature = "tracing")]
    fn log(self, context: &RequestContext) {
        let trace_id = context.trace().and_then(crate::TraceContext::trace_id);
        tracing::debug!(
            target: "lameduck",
            event = self.event(),
            status = self.status(),
            reason = self.reason().name(),
            request_id = context.request_id(),
            trace_id = trace_id.map(tracing::field::display),
        );
    }

    #[cfg(not(feature = "tracing"))]
    fn log(self, _: &RequestContext) {
        let _ = (self.event(), self.status(), self.reason());
    }
}
