//! What is written down of a request that did not simply end well: a number and an event.

use crate::{Reason, RequestContext};

/// How a request ended that did not simply end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Its deadline had passed on arrival.
    Expired,
    /// Its handler was told of the deadline, and answered.
    InGrace,
    /// Its handler was dropped.
    Cut(Reason),
    /// Its response body was ended.
    BodyCut(Reason),
    /// Nobody reads its answer.
    Gone,
}

impl Ended {
    /// The status to show in logs and metrics, whether or not the client saw it.
    const fn status(self) -> u16 {
        match self {
            Self::Expired | Self::Cut(Reason::DeadlineExceeded) => 504,
            Self::Cut(_) => 503,
            Self::InGrace | Self::BodyCut(_) => 200,
            // No status of HTTP says it; nginx's has become the custom.
            Self::Gone => 499,
        }
    }

    /// The event's name.
    const fn event(self) -> &'static str {
        match self {
            Self::Expired => "request.expired",
            Self::InGrace => "request.answered_in_grace",
            Self::Cut(_) => "request.cut",
            Self::BodyCut(_) => "request.body_cut",
            Self::Gone => "request.client_gone",
        }
    }
}

impl RequestContext {
    /// Writes down how the request ended.
    #[cold]
    #[inline(never)]
    pub(crate) fn note(&self, ended: Ended) {
        let counts = &self.config().counts;
        match ended {
            // Counted where it was read, as dark mode does.
            Ended::Expired => {}
            Ended::InGrace => counts.note_answered_in_grace(),
            Ended::Cut(Reason::Shutdown) => counts.note_forced(),
            Ended::Cut(_) => counts.note_deadline_exceeded(),
            Ended::BodyCut(_) => counts.note_body_cut(),
            // What drops a request that panics is not its client, and what drops one that is inside
            // of another knows why.
            Ended::Gone if std::thread::panicking() || self.parent().is_some() => return,
            Ended::Gone => counts.note_client_gone(),
        }
        self.tell_log(ended);
    }

    #[cfg(feature = "tracing")]
    fn tell_log(&self, ended: Ended) {
        let reason = match ended {
            Ended::Cut(reason) | Ended::BodyCut(reason) => reason,
            Ended::Expired | Ended::InGrace => Reason::DeadlineExceeded,
            Ended::Gone => Reason::ClientGone,
        };
        tracing::debug!(
            target: "lameduck",
            event = ended.event(),
            status = ended.status(),
            reason = reason.name(),
            request_id = self.request_id(),
            trace_id = self.trace().and_then(crate::TraceContext::trace_id).map(tracing::field::display),
        );
    }

    #[cfg(not(feature = "tracing"))]
    #[expect(clippy::unused_self, reason = "the log is a feature")]
    fn tell_log(&self, ended: Ended) {
        let _ = (ended.event(), ended.status());
    }
}
