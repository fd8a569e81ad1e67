//! The options of a layer.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};

use crate::{Exempt, Rejection, RejectionStatus, RetryAfter};

/// How a drain rejects requests, and how it asks clients to leave before that.
///
/// ```
/// use std::time::Duration;
///
/// use lameduck_drain::{DrainLayer, DrainOptions, RetryAfter, phase_channel};
///
/// let (_sender, watch) = phase_channel();
/// let mut options = DrainOptions::new();
/// options.gradual_close = Some(Duration::from_secs(5));
/// options.rejection.retry_after = RetryAfter::fixed(Duration::from_secs(2));
/// let layer = DrainLayer::new(watch).with_options(options);
/// # drop(layer);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DrainOptions {
    /// The response to a rejected request.
    pub rejection: RejectionOptions,

    /// The requests that are served to the very end. By default [probes](Exempt::PROBES).
    pub exempt: Exempt,

    /// A header on every response that asks its client to leave and on every rejection, on any
    /// version of HTTP and once. By default there is none.
    ///
    /// For proxies that look for one: with `x-envoy-immediate-health-check-fail: true`, Envoy
    /// stops sending new requests at the first response, before its next probe.
    pub marker: Option<(HeaderName, HeaderValue)>,

    /// Spreads `Connection: close` over this last part of lame duck, so that not all clients
    /// reconnect elsewhere at one moment: the share of responses that say it grows evenly from
    /// none to all. Zero says it only at the end of lame duck. By default every response says
    /// it.
    ///
    /// Every response says it too if the end of lame duck is not known
    /// ([`PhaseWatch::draining_at`](crate::PhaseWatch::draining_at)).
    pub gradual_close: Option<Duration>,

    /// Rejects a share of requests during this last part of lame duck already. It grows evenly
    /// from none to all. By default no request is rejected before draining.
    ///
    /// For clients that follow `Retry-After` but do not look at `Connection: close`. No request is
    /// rejected early if the end of lame duck is not known.
    pub gradual_rejection: Option<Duration>,

    /// Draws jitter and shares from this seed, so that a test gets the same ones every time. By
    /// default they differ in every process.
    pub seed: Option<u64>,
}

impl DrainOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rejection: RejectionOptions::new(),
            exempt: Exempt::PROBES,
            marker: None,
            gradual_close: None,
            gradual_rejection: None,
            seed: None,
        }
    }
}

impl Default for DrainOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes a response to a rejected request.
pub type MakeRejection = Arc<dyn Fn(Rejection) -> Response<Bytes> + Send + Sync>;

/// The response to a rejected request. gRPC calls always get `UNAVAILABLE`.
#[derive(Clone)]
#[non_exhaustive]
pub struct RejectionOptions {
    /// The status. By default 503.
    pub status: RejectionStatus,

    /// When the client should come back. By default in 1 to 3 s.
    pub retry_after: RetryAfter,

    /// Makes the response. By default it is a problem document (RFC 9457).
    ///
    /// `Retry-After` (unless the response has one), `Connection: close` on HTTP/1 and the marker
    /// `NotExecuted` are added to it.
    pub response: Option<MakeRejection>,
}

impl RejectionOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            status: RejectionStatus::SERVICE_UNAVAILABLE,
            retry_after: RetryAfter::DEFAULT,
            response: None,
        }
    }
}

impl Default for RejectionOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RejectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, retry_after, response } = self;
        f.debug_struct("RejectionOptions")
            .field("status", status)
            .field("retry_after", retry_after)
            .field("has_response", &response.is_some())
            .finish()
    }
}
