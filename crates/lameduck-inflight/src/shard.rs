//! One thread's part of the count.

use std::{fmt, sync::atomic::Ordering};

use crossbeam_utils::CachePadded;

use crate::{door::Door, ledger::Ledger, sync::AtomicU64};

/// One thread's part of the count. Threads that use different shards share no line they write to.
pub(crate) struct Shard {
    counters: CachePadded<Counters>,
    // Only read, and apart from the counters.
    ledger: Option<Box<CachePadded<Ledger>>>,
    door: &'static Door,
    /// Whether those that did not hand over their whole answer are told apart.
    tells_aborted: bool,
}

/// Each only grows. See [`InFlight::is_idle`](crate::InFlight::is_idle) for why one counter that
/// also shrinks would not do.
struct Counters {
    entered: AtomicU64,
    left: AtomicU64,
    aborted: AtomicU64,
}

impl Shard {
    pub(crate) fn new(door: &'static Door, ledger: Option<Ledger>, tells_aborted: bool) -> Self {
        let [entered, left, aborted] = std::array::from_fn(|_| AtomicU64::new(0));
        Self {
            counters: CachePadded::new(Counters { entered, left, aborted }),
            ledger: ledger.map(|ledger| Box::new(CachePadded::new(ledger))),
            door,
            tells_aborted,
        }
    }

    #[inline]
    pub(crate) const fn tells_aborted(&self) -> bool {
        self.tells_aborted
    }

    /// Counts one in. Returns a number that no other one of this shard has, and never zero.
    #[inline]
    pub(crate) fn enter(&self) -> u64 {
        // SeqCst: a layer further in reads the phase next, and whoever writes the phase reads
        // this counter next. One of the two sees the other.
        self.counters.entered.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Counts one out, and rings if it was the last of the shard and somebody waits.
    #[inline]
    pub(crate) fn leave(&self) {
        // SeqCst: see `Door::is_watched`. It also hands everything the request did to whoever
        // reads the counter.
        let left = self.counters.left.fetch_add(1, Ordering::SeqCst) + 1;
        if self.door.is_watched() {
            self.ring_if_last(left);
        }
    }

    #[cold]
    fn ring_if_last(&self, left: u64) {
        // A guard leaves the shard it entered. While others are in, the count is not zero, and
        // the last of them comes by here.
        if self.counters.entered.load(Ordering::SeqCst) == left {
            self.door.ring();
        }
    }

    /// Notes that the one about to leave did not hand over its whole answer.
    #[cold]
    pub(crate) fn note_aborted(&self) {
        // Relaxed: the leave that follows on this thread publishes it.
        self.counters.aborted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn entered(&self) -> u64 {
        self.counters.entered.load(Ordering::SeqCst)
    }

    pub(crate) fn left(&self) -> u64 {
        self.counters.left.load(Ordering::SeqCst)
    }

    pub(crate) fn aborted(&self) -> u64 {
        self.counters.aborted.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_deref().map(|ledger| &**ledger)
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counters, ledger, door, tells_aborted: _ } = self;
        let Counters { entered, left, aborted } = &**counters;
        f.debug_struct("Shard")
            .field("entered", &entered.load(Ordering::Relaxed))
            .field("left", &left.load(Ordering::Relaxed))
            .field("aborted", &aborted.load(Ordering::Relaxed))
            .field("ledger", &ledger.is_some())
            .field("door", door)
            .finish_non_exhaustive()
    }
}
