//! One thread's part of the count.

use std::{fmt, sync::atomic::Ordering};

use crossbeam_utils::CachePadded;

use crate::{InFlightOptions, ledger::Ledger, sync::AtomicU64, waiters::Waiters};

/// One thread's part of the count. Threads that use different shards share no line they write to.
pub(crate) struct Shard {
    counters: CachePadded<Counters>,
    // Only read, and apart from the counters.
    ledger: Option<Box<CachePadded<Ledger>>>,
    waiters: &'static Waiters,
    detects_aborted: bool,
    /// Whether requests are only counted: nothing of them is looked at.
    only_counts: bool,
}

/// Each only grows. See [`InFlight::is_idle`](crate::InFlight::is_idle) for why one counter that
/// also shrinks would not do.
struct Counters {
    entered: AtomicU64,
    left: AtomicU64,
    aborted: AtomicU64,
}

impl Shard {
    pub(crate) fn new(waiters: &'static Waiters, options: InFlightOptions) -> Self {
        let [entered, left, aborted] = std::array::from_fn(|_| AtomicU64::new(0));
        let ledger = options.ledger.map(Ledger::new);
        Self {
            counters: CachePadded::new(Counters { entered, left, aborted }),
            only_counts: ledger.is_none() && !options.detects_aborted,
            ledger: ledger.map(|ledger| Box::new(CachePadded::new(ledger))),
            waiters,
            detects_aborted: options.detects_aborted,
        }
    }

    /// Whether requests are only counted: nothing of them is looked at.
    #[inline]
    pub(crate) const fn only_counts(&self) -> bool {
        self.only_counts
    }

    /// Whether a request that did not hand over its whole answer is counted apart.
    #[inline]
    pub(crate) const fn detects_aborted(&self) -> bool {
        self.detects_aborted
    }

    /// Counts one in. Returns a number that no other one of this shard has, and never zero.
    #[inline]
    pub(crate) fn enter(&self) -> u64 {
        // SeqCst: a layer further in reads the phase next, and the driver writes the phase and then
        // reads this counter. One of the two sees the other.
        self.counters.entered.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Counts one out, and notifies the waiters if it was the last of the shard.
    #[inline]
    pub(crate) fn leave(&self) {
        // SeqCst: see `Waiters::any`. It also publishes everything that the request did to the
        // reader of the counter.
        self.counters.left.fetch_add(1, Ordering::SeqCst);
        // From here on the count may be in use again, for others: what follows does no harm then.
        if self.waiters.any() {
            self.notify_if_idle();
        }
    }

    #[cold]
    fn notify_if_idle(&self) {
        // A guard leaves the shard it entered. While others are in, the count is not zero, and
        // the last of them comes by here. `left` first, see `Count::is_idle`.
        let left = self.left();
        if self.entered() == left {
            self.waiters.notify();
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

    /// Begins at zero again. Nothing may be in flight, and nothing may come.
    pub(crate) fn reset(&self) {
        let Counters { entered, left, aborted } = &*self.counters;
        // Relaxed: all that was counted before happened before this, and the handle that is made
        // next publishes it.
        entered.store(0, Ordering::Relaxed);
        left.store(0, Ordering::Relaxed);
        aborted.store(0, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_deref().map(|ledger| &**ledger)
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counters, ledger, waiters, detects_aborted, only_counts: _ } = self;
        let Counters { entered, left, aborted } = &**counters;
        f.debug_struct("Shard")
            .field("entered", &entered.load(Ordering::Relaxed))
            .field("left", &left.load(Ordering::Relaxed))
            .field("aborted", &aborted.load(Ordering::Relaxed))
            .field("has_ledger", &ledger.is_some())
            .field("waiters", waiters)
            .field("detects_aborted", detects_aborted)
            .finish_non_exhaustive()
    }
}
