//! Deadlines that come with a request: which are read, and what is made of them.

mod formats;
mod source;

use std::time::Duration;

use http::HeaderMap;

pub use self::source::{DeadlineSource, InvalidDeadline};
use crate::counts::ContextCounts;

/// An hour: longer than a person or a retry waits for one answer.
const MAXIMUM: Duration = Duration::from_secs(60 * 60);

/// How deadlines that come with a request are read. For
/// [`ContextLayer::with_inbound_deadline`](crate::ContextLayer::with_inbound_deadline).
///
/// A deadline from outside only ever shortens: the request has the least of what its caller says,
/// the layer's own limit, the [maximum](Self::with_maximum) and what is left of the drain. A value
/// that cannot be read is counted and left out. Of several headers the shortest counts.
///
/// A request whose deadline has passed on arrival does not enter its handler. It is answered 504
/// with the code `deadline_expired`, or `DEADLINE_EXCEEDED`, and the response carries
/// [`NotExecuted`](lameduck_core::NotExecuted): it may be sent elsewhere.
#[derive(Clone, Debug)]
#[must_use = "a policy does nothing until a layer has it"]
pub struct InboundDeadline {
    sources: Vec<DeadlineSource>,
    maximum: Duration,
    reserve: Duration,
    is_dark: bool,
}

impl InboundDeadline {
    /// Reads `grpc-timeout`, `x-envoy-expected-rq-timeout-ms` and `x-request-timeout-ms`.
    pub fn new() -> Self {
        let sources = vec![
            DeadlineSource::grpc(),
            DeadlineSource::envoy(),
            DeadlineSource::request_timeout_ms(),
        ];
        Self { sources, maximum: MAXIMUM, reserve: Duration::ZERO, is_dark: false }
    }

    /// Sets which headers are read, instead of those of [`new`](Self::new).
    pub fn with_sources(mut self, sources: impl IntoIterator<Item = DeadlineSource>) -> Self {
        self.sources = sources.into_iter().collect();
        self
    }

    /// Adds a header to those that are read.
    pub fn with_source(mut self, source: DeadlineSource) -> Self {
        self.sources.push(source);
        self
    }

    /// Sets the longest deadline that is taken over; a longer one is cut to it. By default an hour.
    ///
    /// `grpc-timeout: 99999999H` is legal, and 11,400 years.
    pub fn with_maximum(mut self, maximum: Duration) -> Self {
        self.maximum = maximum;
        self
    }

    /// Sets what is taken off, for the answer's way back. By default nothing: a caller that counts
    /// its way in, as our outbound layer does, has taken it off already.
    pub fn with_reserve(mut self, reserve: Duration) -> Self {
        self.reserve = reserve;
        self
    }

    /// Only counts: no deadline is shortened and no request refused. By default both are done.
    ///
    /// For the first days behind callers that were never held to what they say.
    /// [`ContextCounts`](crate::ContextCounts) then tells what would have been done.
    pub fn with_dark_mode(mut self) -> Self {
        self.is_dark = true;
        self
    }

    pub(crate) const fn is_dark(&self) -> bool {
        self.is_dark
    }

    /// How long the caller waits, with the maximum and the reserve taken off. Zero is too late.
    pub(crate) fn read(&self, headers: &HeaderMap, counts: &ContextCounts) -> Option<Duration> {
        let mut least: Option<Duration> = None;
        for read in self.sources.iter().filter_map(|source| source.read(headers)) {
            match read {
                Ok(limit) => least = Some(least.map_or(limit, |least| least.min(limit))),
                Err(_) => counts.note_invalid_deadline(),
            }
        }
        least.map(|least| least.saturating_sub(self.reserve).min(self.maximum))
    }
}

impl Default for InboundDeadline {
    fn default() -> Self {
        Self::new()
    }
}
