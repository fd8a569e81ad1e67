//! What all handles, services and requests of one count share.

use std::thread;

use crate::{InFlightOptions, shard::Shard, sync::thread_number, waiters::Waiters};

/// More shards than this make the sum expensive and gain nothing: 64 shards are 24 KiB.
const MOST_SHARDS: usize = 64;

/// What all handles, services and requests of one count share.
///
/// Requests refer to it plainly, so it is never freed. A [`Pool`](lameduck_core::plumbing::Pool)
/// bounds how many are made.
pub(crate) struct Count {
    shards: &'static [Shard],
    /// The shards in turn, as often as there is room: a choice that needs no check of its range.
    by_thread: [&'static Shard; MOST_SHARDS],
    waiters: &'static Waiters,
    options: InFlightOptions,
}

impl Count {
    /// Makes a count at zero, whose parts are leaked.
    pub(crate) fn new(options: InFlightOptions) -> Self {
        let shards = if cfg!(loom) {
            2
        } else {
            // One for each thread that a runtime is likely to have.
            let threads = thread::available_parallelism().map_or(1, usize::from);
            threads.min(MOST_SHARDS).next_power_of_two()
        };
        let waiters: &Waiters = Box::leak(Box::new(Waiters::new()));
        let shards: Vec<Shard> = (0..shards).map(|_| Shard::new(waiters, options)).collect();
        let shards: &[Shard] = shards.leak();
        let by_thread = std::array::from_fn(|thread| &shards[thread % shards.len()]);
        Self { shards, by_thread, waiters, options }
    }

    /// The shard of the calling thread.
    #[inline]
    pub(crate) fn nearest(&self) -> &'static Shard {
        self.by_thread[thread_number() % MOST_SHARDS]
    }

    pub(crate) const fn shards(&self) -> &'static [Shard] {
        self.shards
    }

    pub(crate) const fn options(&self) -> InFlightOptions {
        self.options
    }

    /// Whether nothing is in flight. See [`InFlight::is_idle`](crate::InFlight::is_idle).
    pub(crate) fn is_idle(&self) -> bool {
        // Let T be the instant between the two sums. Both counters only grow, so no more had left
        // by T than are summed here, at the least, and no fewer had entered by T than are summed
        // below, at the most:
        //
        //     left <= left(T) <= entered(T) <= entered
        //
        // If the ends are equal, so is the middle: at T, all that had entered had left. One counter
        // per shard that grows and shrinks would not do: one request may enter a shard behind the
        // reader while another leaves a shard ahead of it, and the sum is zero though the count
        // never was. Nor would the other order of the sums.
        let left = self.sum(Shard::left);
        let entered = self.sum(Shard::entered);
        left == entered
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn idle(&self) {
        self.waiters.wait(|| self.is_idle()).await;
    }

    pub(crate) fn sum(&self, counter: impl Fn(&Shard) -> u64) -> u64 {
        self.shards.iter().map(counter).sum()
    }

    /// Begins at zero again, if nothing is in flight. There must be no handle, so that nothing
    /// comes meanwhile. Returns whether it did.
    ///
    /// A request that has left and is still about to read whether there are waiters can at worst
    /// wake a waiter of the next use in vain.
    pub(crate) fn reset(&self) -> bool {
        let is_idle = self.is_idle();
        if is_idle {
            self.shards.iter().for_each(Shard::reset);
        }
        is_idle
    }
}
