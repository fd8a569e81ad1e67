//! Connections that are waited for: marked at one moment, and counted until each is settled.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::connection::{Conn, Mark};

/// All that bear a mark, given once in a round.
#[derive(Debug)]
pub(crate) struct Marked {
    mark: Mark,
    // SeqCst throughout, as a stop has no give_up_ack: a mark, and what makes it needless, are written
    // by two tasks, each of which then looks at what the other wrote.
    /// The last round in which it was given, from 1.
    given: AtomicUsize,
    count: AtomicUsize,
    none_left: Arc<Notify>,
}

impl Marked {
    pub(crate) fn new(mark: Mark) -> Self {
        let none_left = Arc::default();
        Self { mark, given: AtomicUsize::new(0), count: AtomicUsize::new(0), none_left }
    }

    /// Nobody waits for this connection any more. Wakes, so not to be called under a lock.
    pub(crate) fn settle(&self, conn: &Conn) {
        if conn.take_mark(self.mark) && self.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.none_left.notify_waiters();
        }
    }

    /// Marks those for which `waits` says so, if that was not done in this round or a later one.
    /// The others lose the mark of an earlier round.
    ///
    /// To be called under the lock of the list of connections, so that nobody finds half of them.
    /// Wakes nobody: who waits has called this before, and then asked whether any is left.
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
                // From an earlier round: it is counted already.
                self.count.fetch_sub(1, Ordering::SeqCst);
            }
            // Asked after the mark is there: what changes from now on settles it.
            if !waits(conn) && conn.take_mark(self.mark) {
                self.count.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    /// Whether any is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Notified when none is left. To be waited for from before [`is_empty`](Self::is_empty) is asked.
    pub(crate) const fn none_left(&self) -> &Arc<Notify> {
        &self.none_left
    }
}
