//! A rejected request: its status, what its response is made from, and how many there were.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::StatusCode;
use lameduck_core::Phase;

/// How many requests were rejected. Clones share one count, with the layer and its services.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    count: Arc<AtomicU64>,
}

impl Rejections {
    /// The number of requests that were rejected so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        // Relaxed, here and below: a number for a report, on which nothing else depends.
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is known of a rejection when its response is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The phase in which the request came.
    pub phase: Phase,
    /// The status of the layer's own response.
    pub status: StatusCode,
    /// After how many seconds the client should come back.
    pub retry_after: u64,
}

impl Rejection {
    pub(crate) const fn new(phase: Phase, status: StatusCode, retry_after: u64) -> Self {
        Self { phase, status, retry_after }
    }
}

/// A status that says that a request was not executed: from 400 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RejectionStatus {
    code: StatusCode,
}

impl RejectionStatus {
    /// 503, the default.
    pub const SERVICE_UNAVAILABLE: Self = Self { code: StatusCode::SERVICE_UNAVAILABLE };

    /// Makes the status of a rejection.
    ///
    /// # Errors
    ///
    /// From a status below 400 or above 599 the client would conclude that its request was
    /// executed.
    pub fn new(code: StatusCode) -> Result<Self, InvalidRejectionStatus> {
        if code.is_client_error() || code.is_server_error() {
            Ok(Self { code })
        } else {
            Err(InvalidRejectionStatus { code })
        }
    }

    /// The status code.
    #[must_use]
    pub const fn code(self) -> StatusCode {
        self.code
    }
}

impl Default for RejectionStatus {
    fn default() -> Self {
        Self::SERVICE_UNAVAILABLE
    }
}

/// A status that does not reject. Names it, and the ones to use instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRejectionStatus {
    code: StatusCode,
}

impl InvalidRejectionStatus {
    /// The status code.
    #[must_use]
    pub const fn code(&self) -> StatusCode {
        self.code
    }
}

impl fmt::Display for InvalidRejectionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a client that gets `{}` concludes that its request was executed; \
             use a status from 400 to 599, such as 503",
            self.code
        )
    }
}

impl std::error::Error for InvalidRejectionStatus {}
