//! Deadlines that come with a request: which are read, and how they bound it.

mod formats;
mod source;

use std::time::Duration;

use http::HeaderMap;

pub use self::source::{DeadlineSource, InvalidDeadline};
use crate::ContextCounts;

/// An hour: longer than a person or a retry waits for one answer.
const MAXIMUM: Duration = Duration::from_secs(60 * 60);

/// How deadlines that come with a request are read. For
/// [`ContextOptions::inbound_deadline`](crate::ContextOptions::inbound_deadline).
///
/// A caller's deadline only ever shortens: the request has the least of that, the layer's own
/// limit, the [maximum](Self::maximum) and what is left of the drain. A value that cannot be read
/// is counted and ignored. Of several headers the shortest counts.
///
/// A request whose deadline has passed on arrival does not enter its handler. It is answered 504
/// with the code `deadline_expired`, or `DEADLINE_EXCEEDED`, and the response carries
/// [`NotExecuted`](crate::NotExecuted): it may be sent elsewhere.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InboundDeadline {
    /// Which headers are read. By default `grpc-timeout`, `x-envoy-expected-rq-timeout-ms` and
    /// `x-request-timeout-ms`.
    pub sources: Vec<DeadlineSource>,

    /// The longest deadline that is taken over; a longer one is cut to it. By default an hour.
    ///
    /// `grpc-timeout: 99999999H` is legal, and 11,400 years.
    pub maximum: Option<Duration>,

    /// What is taken off, for the answer's way back. By default nothing: a caller that counts its
    /// way in, as [`OutboundLayer`](crate#feature-flags) does, has taken it off already.
    pub reserve: Duration,

    /// Whether deadlines are only counted: none is shortened and no request rejected. By default
    /// both are done.
    ///
    /// For the first days behind callers whose deadlines nothing has enforced so far.
    /// [`ContextCounts`] then shows what would have been done.
    pub count_only: bool,
}

impl InboundDeadline {
    /// The defaults: gRPC's header, Envoy's and `x-request-timeout-ms`, for an hour at most.
    #[must_use]
    pub fn new() -> Self {
        let sources = vec![
            DeadlineSource::grpc(),
            DeadlineSource::envoy(),
            DeadlineSource::request_timeout_ms(),
        ];
        Self { sources, maximum: Some(MAXIMUM), reserve: Duration::ZERO, count_only: false }
    }

    /// How long the caller waits, less the reserve and at most the maximum. Zero is too late.
    pub(crate) fn read(&self, headers: &HeaderMap, counts: &ContextCounts) -> Option<Duration> {
        let mut least: Option<Duration> = None;
        for read in self.sources.iter().filter_map(|source| source.read(headers)) {
            match read {
                Ok(limit) => least = Some(least.map_or(limit, |least| least.min(limit))),
                Err(_) => counts.note_invalid_deadline(),
            }
        }
        let left = least?.saturating_sub(self.reserve);
        Some(self.maximum.map_or(left, |maximum| left.min(maximum)))
    }
}

impl Default for InboundDeadline {
    fn default() -> Self {
        Self::new()
    }
}
