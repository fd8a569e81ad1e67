//! Sets of connections that are waited for: marked at one moment, and counted until each is
//! settled.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::connection::{Conn, Mark};

/// The connections with a mark. A mark is set once in a round.
#[derive(Debug)]
pub(crate) struct Marked {
    mark: Mark,
    // SeqCst throughout, because a stop need not be fast: two tasks write a mark and what settles
    // it, and each then reads what the other wrote.
    /// The last round in which the mark was set, from 1.
    given: AtomicUsize,
    count: AtomicUsize,
    none_left: Arc<Notify>,
}

impl Marked {
    pub(crate) fn new(mark: Mark) -> Self {
        let none_left = Arc::default();
        Self { mark, given: AtomicUsize::new(0), count: AtomicUsize::new(0), none_left }
    }

    /// The connection is not waited for any more. Wakes tasks, so do not call it under a lock.
    pub(crate) fn settle(&self, conn: &Conn) {
        if conn.take_mark(self.mark) && self.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.none_left.notify_waiters();
        }
    }

    /// Marks the connections for which `waits` returns true, unless this or a later round has done
    /// so. The others lose the mark of an earlier round.
    ///
    /// Call it under the lock of the list of connections, so that no other task sees half of them.
    /// It wakes no task: a waiter has called it before, and then checked whether any is left.
    pub(crate) fn give<'a>(
        &self,
        round: usize,
        all: impl Iterator<Item = &'a Conn>,
        waits: impl Fn(&Conn) -> bool,
    ) {
        if self.given.fetch_max(round, Ordering::SeqCst) >= round {
            return;
        }
        for conn in all {
            self.count.fetch_add(1, Ordering::SeqCst);
            if !conn.set_mark(self.mark) {
                // The mark is from an earlier round: it is counted already.
                self.count.fetch_sub(1, Ordering::SeqCst);
            }
            // After the mark is set, so that any later change settles it.
            if !waits(conn) && conn.take_mark(self.mark) {
                self.count.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    /// Whether any is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Notified when none is left. Make the wait before the call of [`is_empty`](Self::is_empty).
    pub(crate) const fn none_left(&self) -> &Arc<Notify> {
        &self.none_left
    }
}
