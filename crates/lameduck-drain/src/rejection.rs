//! A request that is turned away, and how many were.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::StatusCode;
use lameduck_core::Phase;

/// How many requests were turned away. Clones share one count, with the layer and its services.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    count: Arc<AtomicU64>,
}

impl Rejections {
    /// The number of requests that were turned away so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        // Relaxed, here and below: a number for a report, on which nothing else depends.
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is known of a refusal when its response is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The phase that turned the request away.
    pub phase: Phase,
    /// The status of the layer's own response.
    pub status: StatusCode,
    /// After how many seconds the client should come back.
    pub retry_after: u64,
}

/// A status that does not refuse. Names it, and what to use instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRejection {
    status: StatusCode,
}

impl InvalidRejection {
    pub(crate) const fn new(status: StatusCode) -> Self {
        Self { status }
    }

    /// The status that was refused.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for InvalidRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a client that gets `{}` would take its request for executed; \
             use a status from 400 to 599, such as 503",
            self.status
        )
    }
}

impl std::error::Error for InvalidRejection {}
