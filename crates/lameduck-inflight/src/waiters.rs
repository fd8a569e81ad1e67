//! The waiters for a count of zero, and how the last request wakes them.

use std::{fmt, sync::atomic::Ordering};

use crossbeam_utils::CachePadded;
use lameduck_core::plumbing::wait_until;

use crate::sync::{AtomicUsize, Notify, full_fence};

/// The waiters for a count of zero. Read by every request, written only by a wait.
pub(crate) struct Waiters {
    /// How many there are. Alone on its line: every request reads it.
    waiting: CachePadded<AtomicUsize>,
    notify: Notify,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self { waiting: CachePadded::new(AtomicUsize::new(0)), notify: Notify::new() }
    }

    /// Whether there are any. To be read after a leave is counted, never before.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        full_fence();
        // SeqCst, as the count of the leave before it and both accesses of the waiter. In their
        // one order either the waiter's raise precedes this load, and the leaver notifies; or this
        // load precedes the raise, and then the leave precedes the waiter's read of the count.
        self.waiting.load(Ordering::SeqCst) != 0
    }

    pub(crate) fn notify(&self) {
        self.notify.notify_waiters();
    }

    /// Waits until `is_idle` is true. Checks at once, and again at each notification.
    pub(crate) async fn wait(&self, is_idle: impl Fn() -> bool) {
        let _waiting = Waiting::new(self);
        wait_until(|| self.notify.notified(), || is_idle().then_some(())).await;
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, notify: _ } = self;
        f.debug_struct("Waiters")
            .field("waiting", &waiting.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

/// One waiter. Lowers the number when dropped, so that a wait may be given up at any point.
struct Waiting<'a> {
    waiters: &'a Waiters,
}

impl<'a> Waiting<'a> {
    fn new(waiters: &'a Waiters) -> Self {
        waiters.waiting.fetch_add(1, Ordering::SeqCst);
        full_fence();
        Self { waiters }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Relaxed: a leaver that still reads the higher number notifies once in vain.
        self.waiters.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{pin::pin, task::Context, task::Waker};

    use super::*;

    #[test]
    fn a_wait_that_is_given_up_is_not_notified() {
        let waiters = Waiters::new();
        {
            let mut wait = pin!(waiters.wait(|| false));
            assert!(!waiters.any(), "a wait begins at its first poll");
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(waiters.any());
        }
        assert!(!waiters.any());
    }
}
