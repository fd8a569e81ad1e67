//! The handle on the count.

use std::fmt;

use lameduck_core::plumbing::{Pool, Recycled};

use crate::{
    InFlightGuard, InFlightOptions, InFlightRequest, RequestTotals, count::Count, shard::Shard,
};

/// A handle on the number of requests in flight.
///
/// Clones share one count. The handle may outlive, or be made before, every layer that feeds it.
///
/// The first 64 counts of a process live as long as it does: less than 400 bytes for each thread of
/// the machine and 800 more. So neither a request nor the clone of a service that a server makes
/// for it touches a reference count. The memory of later ones is used again, once no handle, layer
/// or service of them is left and nothing is in flight; their services are reference-counted.
#[derive(Clone)]
pub struct InFlight {
    count: Recycled<Count>,
}

/// Requests and guards hold no handle. The count itself shows when the last of them is gone, and it
/// is not used again before.
static COUNTS: Pool<Count> = Pool::new(|_| ());

impl InFlight {
    /// Makes a counter at zero, with the default options: it tells finished requests from aborted
    /// ones and keeps no ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::with_options(InFlightOptions::new())
    }

    /// Makes a counter at zero with other options.
    #[must_use]
    pub fn with_options(options: InFlightOptions) -> Self {
        let reuse = |count: &Count| count.options() == options && count.reset();
        Self { count: COUNTS.take(reuse, |_| Count::new(options)) }
    }

    /// Adds one until the returned guard is dropped. For work no layer sees: upgrades, spawned
    /// jobs.
    ///
    /// Enter before the work begins, and before the request it came from ends: the count never
    /// falls to zero between the two.
    pub fn enter(&self) -> InFlightGuard {
        self.enter_named("guard")
    }

    /// As [`enter`](Self::enter), under a name that [`blockers`](Self::blockers) shows.
    pub fn enter_named(&self, name: impl AsRef<str>) -> InFlightGuard {
        InFlightGuard::new(self.count.get().nearest(), name.as_ref())
    }

    /// The number of requests in flight now.
    ///
    /// A snapshot, and never less than were in flight all through the call. To wait, use
    /// [`idle`](Self::idle).
    #[must_use]
    pub fn count(&self) -> usize {
        let left = self.count.get().sum(Shard::left);
        // After `left`, see `is_idle`: the difference cannot be negative.
        let inside = self.count.get().sum(Shard::entered) - left;
        usize::try_from(inside).unwrap_or(usize::MAX)
    }

    /// Whether nothing is in flight.
    ///
    /// Exact although other threads come and go meanwhile: when it is true, there was an instant
    /// during the call at which the count was zero.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.count.get().is_idle()
    }

    /// Completes when the count is zero, at once if it already is.
    ///
    /// Reject new requests first, for example with `lameduck-drain`: the count itself lets all of
    /// them in.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn idle(&self) {
        self.count.get().idle().await;
    }

    /// The number of requests that ever came.
    #[must_use]
    pub fn entered(&self) -> u64 {
        self.count.get().sum(Shard::entered)
    }

    /// How many came, and how they ended. Exact once [`idle`](Self::idle) has completed.
    #[must_use]
    pub fn totals(&self) -> RequestTotals {
        let left = self.count.get().sum(Shard::left);
        // After `left`: what is counted there as aborted is counted here as well.
        let aborted = self.count.get().sum(Shard::aborted);
        RequestTotals::new(self.count.get().sum(Shard::entered), left, aborted)
    }

    /// The requests in flight, the oldest first. Empty unless the count was made with a
    /// [ledger](InFlightOptions::ledger).
    #[must_use]
    pub fn blockers(&self) -> Vec<InFlightRequest> {
        let mut found = Vec::new();
        for ledger in self.count.get().shards().iter().filter_map(Shard::ledger) {
            ledger.show(&mut found);
        }
        InFlightRequest::sort(&mut found);
        found
    }

    /// Enters through a shard of the model's choice.
    #[cfg(loom)]
    #[doc(hidden)]
    pub fn enter_at(&self, shard: usize) -> InFlightGuard {
        InFlightGuard::new(&self.count.get().shards()[shard], "model")
    }

    /// Uses the count again, as the pool does with one that no handle has any more. `None` while
    /// something is in flight.
    #[cfg(loom)]
    #[doc(hidden)]
    pub fn used_again(&self) -> Option<Self> {
        self.count.get().reset().then(|| self.clone())
    }

    #[inline]
    pub(crate) fn nearest(&self) -> &'static Shard {
        self.count.get().nearest()
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count } = self;
        let count = count.get();
        f.debug_struct("InFlight")
            .field("totals", &self.totals())
            .field("shards", &count.shards().len())
            .field("options", &count.options())
            .finish()
    }
}
