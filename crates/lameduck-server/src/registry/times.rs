//! What time it is in a stop.

use lameduck_core::Phase;
use tokio::time::Instant;

use super::Registry;
#[cfg(feature = "serve")]
use crate::{conn::Conn, hold};

impl Registry {
    /// When draining began, as the first to notice noted it.
    pub(crate) fn draining_since(&self) -> Instant {
        *self.draining_since.get_or_init(Instant::now)
    }

    /// The time for a stamp, once draining has begun. Before that nobody asks, so no clock is read.
    #[inline]
    pub(crate) fn stamp(&self) -> Option<u64> {
        (self.watch.current() >= Phase::Draining).then(|| self.nanos())
    }

    // Apart, as most reads need none.
    #[inline(never)]
    fn nanos(&self) -> u64 {
        let since = Instant::now().saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Until when a connection may not be closed without having been told, if it may not.
    #[cfg(feature = "serve")]
    pub(crate) fn hold_until(&self, conn: &Conn) -> Option<Instant> {
        hold::until(conn, self.draining_since(), self.origin, &self.options)
    }
}
