//! The options of a layer that ends streams.

use lameduck_core::Phase;

use crate::RetryAfter;

/// Which streams of a route end, when, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UntilDrainOptions {
    /// The phase in which streams end. By default [`Draining`](Phase::Draining).
    ///
    /// With [`LameDuck`](Phase::LameDuck) their clients leave while all others are still served. A
    /// stream that begins after that ends at once, which sends its client elsewhere too.
    pub phase: Phase,

    /// The time in `retry:` at the end of an event stream, in milliseconds, and in
    /// `grpc-retry-pushback-ms` at the end of a gRPC stream. By default 1 to 3 s.
    pub retry_after: RetryAfter,

    /// Ends bodies of these content types too, such as `application/x-ndjson`. Parameters behind
    /// the type are ignored. By default there are none.
    ///
    /// Such a body ends where it pauses, without a last item, and looks complete to its client. So
    /// only add types of which any beginning is good: logs and feeds, not documents.
    pub content_types: Vec<String>,

    /// Ends streams of gRPC messages too, with `UNAVAILABLE` in their trailers. By default they
    /// run on.
    ///
    /// A stream ends where it pauses between two messages. Calls with one response do not pause,
    /// so they are answered. With the [`phase`](Self::phase) [`Cancelling`](Phase::Cancelling)
    /// streams have the whole drain. Do not use this for a health service, which has to send
    /// `NOT_SERVING` on its stream.
    pub grpc: bool,

    /// Draws times to come back from this seed, so that a test gets the same ones every time. By
    /// default they differ in every process.
    pub seed: Option<u64>,
}

impl UntilDrainOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            phase: Phase::Draining,
            retry_after: RetryAfter::DEFAULT,
            content_types: Vec::new(),
            grpc: false,
            seed: None,
        }
    }
}

impl Default for UntilDrainOptions {
    fn default() -> Self {
        Self::new()
    }
}
