//! Points in time.

use std::time::Duration;

use lameduck_core::plumbing::later;
use tokio::time::Instant;

/// The time that lies `limit` ahead.
pub(crate) fn from_now(limit: Duration) -> Instant {
    Instant::from_std(later(Instant::now().into_std(), limit))
}
