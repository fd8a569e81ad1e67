//! What is to be decided about the connections of one server.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::hold::later;

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) max_connections: usize,
    pub(super) header_read_timeout: Option<Duration>,
    pub(super) lingering_close: Duration,
    pub(super) http2_keep_alive: Option<Duration>,
    pub(super) max_age: Option<Duration>,
}

impl Options {
    pub(super) const fn new() -> Self {
        Self {
            max_connections: usize::MAX,
            // Longer than the 60 s after which usual load balancers close idle connections, so
            // that it is they who do.
            header_read_timeout: Some(Duration::from_secs(75)),
            lingering_close: Duration::from_secs(5),
            http2_keep_alive: None,
            max_age: None,
        }
    }

    /// When a connection that was accepted now is old.
    pub(super) fn old_at(&self) -> Option<Instant> {
        self.max_age.map(|age| {
            // The keys are random in each process, and others in each state.
            let random = RandomState::new().hash_one(());
            later(Instant::now(), spread(age, random))
        })
    }
}

/// From nine to eleven tenths of an age: who came together must not come back together.
fn spread(age: Duration, random: u64) -> Duration {
    let tenth = age / 10;
    // Of 2^32 steps, one.
    let step = u128::from(random >> 32);
    let nanos = (2 * tenth.as_nanos()).saturating_mul(step) >> 32;
    let more = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    age.saturating_sub(tenth).saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_spread_by_a_tenth_to_both_sides() {
        let age = Duration::from_secs(100);
        assert_eq!(spread(age, 0), Duration::from_secs(90));
        assert_eq!(spread(age, 1 << 63), Duration::from_secs(100));
        let most = spread(age, u64::MAX);
        assert!(most > Duration::from_millis(109_999) && most < Duration::from_secs(110));
        assert!(spread(Duration::MAX, u64::MAX) > Duration::from_secs(1 << 40));
        assert_eq!(spread(Duration::ZERO, u64::MAX), Duration::ZERO);
    }
}
