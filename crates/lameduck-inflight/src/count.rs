//! The handle on the count.

use std::{fmt, thread};

use crate::{
    InFlightGuard, InFlightRequest, RequestTotals, door::Door, ledger::Ledger, shard::Shard,
    sync::thread_number,
};

/// More shards than this make the sum dear and gain nothing: 64 shards are 24 KiB.
const MOST_SHARDS: usize = 64;

/// A handle on the number of requests in flight.
///
/// Clones share one count. The handle may outlive, or be made before, every layer that feeds it.
///
/// A count is made once for a server and lives as long as the process: its memory, less than 400
/// bytes for each thread of the machine and 600 more, is not freed. So neither a request nor the
/// clone of a service that a server makes for it touches a reference count.
#[derive(Clone)]
pub struct InFlight {
    count: &'static Count,
}

/// What all handles, services and tickets of one count share.
pub(crate) struct Count {
    shards: &'static [Shard],
    /// The shards in turn, as often as there is room: a choice that needs no check of its range.
    by_thread: [&'static Shard; MOST_SHARDS],
    door: &'static Door,
}

impl Count {
    /// The shard of the calling thread.
    #[inline]
    pub(crate) fn nearest(&self) -> &'static Shard {
        self.by_thread[thread_number() % MOST_SHARDS]
    }
}

impl InFlight {
    /// Makes a counter at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::with_shards(true, || None)
    }

    /// Makes a counter at zero that does not look at answers: it counts and is waited for, and
    /// [`totals`](Self::totals) takes every request that is over for finished.
    ///
    /// For those who only wait. A request's method, status and length are not looked at.
    #[must_use]
    pub fn without_totals() -> Self {
        Self::with_shards(false, || None)
    }

    /// Makes a counter at zero that also keeps a ledger: it can name who is in flight.
    ///
    /// A request then costs one reading of a coarse clock and a line of its own. The ledger
    /// keeps about 640 bytes for each request that ever was in flight at the same time as others.
    #[must_use]
    pub fn with_ledger() -> Self {
        Self::with_shards(true, || Some(Ledger::new(true)))
    }

    /// As [`with_ledger`](Self::with_ledger), but `x-request-id` is not read: a request has the id
    /// that a layer further in [tells](crate::set_request_id), or none.
    #[must_use]
    pub fn with_ledger_of_assigned_ids() -> Self {
        Self::with_shards(true, || Some(Ledger::new(false)))
    }

    fn with_shards(tells_aborted: bool, ledger: impl Fn() -> Option<Ledger>) -> Self {
        let shards = if cfg!(loom) {
            2
        } else {
            // One for each thread that a runtime is likely to have.
            let threads = thread::available_parallelism().map_or(1, usize::from);
            threads.min(MOST_SHARDS).next_power_of_two()
        };
        let door: &Door = Box::leak(Box::new(Door::new()));
        let shards: Vec<Shard> =
            (0..shards).map(|_| Shard::new(door, ledger(), tells_aborted)).collect();
        let shards: &[Shard] = shards.leak();
        let by_thread = std::array::from_fn(|thread| &shards[thread % shards.len()]);
        Self { count: Box::leak(Box::new(Count { shards, by_thread, door })) }
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
        InFlightGuard::new(self.count.nearest(), name.as_ref())
    }

    /// The number of requests in flight now.
    ///
    /// A snapshot, and never less than were in flight all through the call. To wait, use
    /// [`idle`](Self::idle).
    #[must_use]
    pub fn count(&self) -> usize {
        let left = self.sum(Shard::left);
        // After `left`, see `is_idle`: the difference cannot be negative.
        let inside = self.sum(Shard::entered) - left;
        usize::try_from(inside).unwrap_or(usize::MAX)
    }

    /// Whether nothing is in flight.
    ///
    /// Exact although other threads come and go meanwhile: when it is true, there was an instant
    /// during the call at which the count was zero.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        // Let T be the instant between the two sums. Both counters only grow, so no more had left
        // by T than are summed here, at the least, and no fewer had entered by T than are summed
        // below, at the most:
        //
        //     left <= left(T) <= entered(T) <= entered
        //
        // If the ends are equal, so is the middle: at T, all who had entered had left. One counter
        // per shard that grows and shrinks would not do: one request may enter a shard behind the
        // reader while another leaves a shard ahead of it, and the sum is zero though the count
        // never was. Nor would the other order of the sums.
        let left = self.sum(Shard::left);
        let entered = self.sum(Shard::entered);
        left == entered
    }

    /// Completes when the count is zero, at once if it already is.
    ///
    /// Whoever turns new requests away behind this count must do so first; the count itself lets
    /// everybody in.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn idle(&self) {
        self.count.door.wait_until(|| self.is_idle()).await;
    }

    /// The number of requests that ever came.
    #[must_use]
    pub fn entered(&self) -> u64 {
        self.sum(Shard::entered)
    }

    /// How many came, and how they ended. Exact once [`idle`](Self::idle) has completed.
    #[must_use]
    pub fn totals(&self) -> RequestTotals {
        let left = self.sum(Shard::left);
        // After `left`: whoever is counted there as aborted is counted here as well.
        let aborted = self.sum(Shard::aborted);
        RequestTotals::new(self.sum(Shard::entered), left, aborted)
    }

    /// Who is in flight, the oldest first. Empty unless made [`with_ledger`](Self::with_ledger).
    #[must_use]
    pub fn blockers(&self) -> Vec<InFlightRequest> {
        let mut found = Vec::new();
        for ledger in self.count.shards.iter().filter_map(Shard::ledger) {
            ledger.show(&mut found);
        }
        InFlightRequest::sort(&mut found);
        found
    }

    /// Enters through a shard of the model's choice.
    #[cfg(loom)]
    #[doc(hidden)]
    pub fn enter_at(&self, shard: usize) -> InFlightGuard {
        InFlightGuard::new(&self.count.shards[shard], "model")
    }

    pub(crate) const fn shared(&self) -> &'static Count {
        self.count
    }

    fn sum(&self, counter: impl Fn(&Shard) -> u64) -> u64 {
        self.count.shards.iter().map(counter).sum()
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count: Count { shards, by_thread: _, door: _ } } = self;
        f.debug_struct("InFlight")
            .field("totals", &self.totals())
            .field("shards", &shards.len())
            .finish_non_exhaustive()
    }
}
