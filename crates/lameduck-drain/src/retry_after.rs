//! When a rejected client should come back.

use std::time::Duration;

use crate::sampler::Sampler;

/// When a rejected client should come back.
///
/// In `Retry-After` it is whole seconds, rounded up and at least one: zero would ask for the same
/// answer again. In the `retry:` of an event stream it is milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    min: Duration,
    max: Duration,
}

impl RetryAfter {
    /// 1 to 3 s: about the time in which a successor takes over.
    pub const DEFAULT: Self = Self { min: Duration::from_secs(1), max: Duration::from_secs(3) };

    /// The same time for every client.
    #[must_use]
    pub const fn fixed(after: Duration) -> Self {
        Self { min: after, max: after }
    }

    /// A time drawn evenly between two bounds for each client. Their order does not matter.
    ///
    /// A thousand clients that are rejected in one second then do not come back in one second.
    #[must_use]
    pub fn jittered(one: Duration, other: Duration) -> Self {
        Self { min: one.min(other), max: one.max(other) }
    }

    /// A time for one client, drawn anew at each call. Whole milliseconds, at most 24.8 days.
    #[must_use]
    pub fn draw(&self) -> Duration {
        self.draw_from(&Sampler::new(None))
    }

    pub(crate) fn draw_from(&self, sampler: &Sampler) -> Duration {
        let longest = Duration::from_millis(i32::MAX.unsigned_abs().into());
        let (min, max) = (self.min.min(longest), self.max.min(longest));
        let drawn = min + (max - min).mul_f64(sampler.draw());
        Duration::from_millis(drawn.as_millis() as u64)
    }

    /// Whole seconds for one client.
    pub(crate) fn draw_seconds(&self, sampler: &Sampler) -> u64 {
        let (min, max) = (seconds(self.min), seconds(self.max));
        // Each whole second between the two is as likely as any other.
        let steps = (max - min + 1) as f64;
        min.saturating_add((sampler.draw() * steps) as u64).min(max)
    }
}

/// By default [`RetryAfter::DEFAULT`].
impl Default for RetryAfter {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Rounded up, at least one, and at most what fits 32 bits, which some clients use.
fn seconds(time: Duration) -> u64 {
    let up = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    up.clamp(1, i32::MAX as u64)
}
