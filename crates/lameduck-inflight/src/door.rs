//! The door that the last request out of a shard passes, and those who wait behind it.

use std::{fmt, sync::atomic::Ordering};

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicUsize, Notify, full_fence};

/// What all shards of one count share. Read by every request, written only by who waits.
pub(crate) struct Door {
    /// How many wait for the count to be zero. Alone on its line: every request reads it.
    waiting: CachePadded<AtomicUsize>,
    bell: Notify,
}

impl Door {
    pub(crate) fn new() -> Self {
        Self { waiting: CachePadded::new(AtomicUsize::new(0)), bell: Notify::new() }
    }

    /// Whether somebody waits. To be asked after the leave is counted, never before.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        full_fence();
        // SeqCst, as the count of the leave before it and both accesses of the waiter. In their
        // one order either the waiter's raise precedes this load, and the leaver rings; or this
        // load precedes the raise, and then the leave precedes the waiter's look at the count.
        self.waiting.load(Ordering::SeqCst) != 0
    }

    pub(crate) fn ring(&self) {
        self.bell.notify_waiters();
    }

    /// Waits until `is_idle` says so. Asks at once, and again at each ring.
    pub(crate) async fn wait_until(&self, is_idle: impl Fn() -> bool) {
        let _waiting = Waiting::new(self);
        loop {
            let mut ring = std::pin::pin!(self.bell.notified());
            // Before the look: a ring between the look and the wait must be heard.
            ring.as_mut().enable();
            if is_idle() {
                return;
            }
            ring.await;
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, bell: _ } = self;
        f.debug_struct("Door")
            .field("waiting", &waiting.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// One who waits. Lowered when dropped, so that a wait may be given up at any point.
struct Waiting<'a> {
    door: &'a Door,
}

impl<'a> Waiting<'a> {
    fn new(door: &'a Door) -> Self {
        door.waiting.fetch_add(1, Ordering::SeqCst);
        full_fence();
        Self { door }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Relaxed: who still reads it raised rings once in vain.
        self.door.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{pin::pin, task::Context, task::Waker};

    use super::*;

    #[test]
    fn a_wait_that_is_given_up_is_not_rung_for() {
        let door = Door::new();
        {
            let mut wait = pin!(door.wait_until(|| false));
            assert!(!door.is_watched(), "a wait begins at its first poll");
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(door.is_watched());
        }
        assert!(!door.is_watched());
    }
}
