//! The connections of one server: a seat for each, and a wait for a free one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

#[derive(Debug)]
pub(super) struct Live {
    seats: AtomicUsize,
    limit: Option<usize>,
    /// Stores one permit while there is no waiter, so that a later wait does not miss it.
    pub(super) left: Arc<Notify>,
}

/// A seat among them: kept by the IO of a connection, and by the tasks of its HTTP/2 streams.
#[derive(Debug)]
pub(super) struct Seat {
    live: Arc<Live>,
}

impl Live {
    pub(super) fn new(limit: Option<usize>) -> Arc<Self> {
        Arc::new(Self { seats: AtomicUsize::new(0), limit, left: Arc::default() })
    }

    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        // SeqCst, as below: the wait for zero must not miss a seat.
        self.seats.fetch_add(1, Ordering::SeqCst);
        Seat { live: Arc::clone(self) }
    }

    pub(super) fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.seats.load(Ordering::SeqCst) >= limit)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seats.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let before = self.live.seats.fetch_sub(1, Ordering::SeqCst);
        // Only these two numbers are waited for.
        if before == 1 || self.live.limit.is_some_and(|limit| limit == before) {
            self.live.left.notify_one();
        }
    }
}
