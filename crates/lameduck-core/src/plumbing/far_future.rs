//! The one rule for a time that lies past the end of the clock.

use std::time::{Duration, Instant};

/// About thirty years, tokio's own far future: as good as never, and every clock can show it.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// `at + duration`, or a time some thirty years after `at` if the clock cannot show the sum.
///
/// So `Duration::MAX` means "never", and no configured value panics.
#[must_use]
pub fn later(at: Instant, duration: Duration) -> Instant {
    // The fallback is out of reach, unless the clock itself is within thirty years of its end.
    at.checked_add(duration).or_else(|| at.checked_add(FAR)).unwrap_or(at)
}
