//! The phase as it is shared: one side writes it, every request reads it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Instant,
};

use tokio::sync::{Notify, futures::OwnedNotified};

use crate::{
    Phase, StopDeadlines,
    shared::{SHARDS, Shared},
};

/// Makes a phase, [`Phase::Starting`], as a side that writes and a side that reads.
#[must_use]
pub fn phase_channel() -> (PhaseSender, PhaseWatch) {
    let shared = Arc::new(Shared::new());
    (PhaseSender { shared: Arc::clone(&shared) }, PhaseWatch { shared })
}

/// The side of a phase that writes. Made by [`phase_channel`].
///
/// When it is dropped, the phase stays what it was.
pub struct PhaseSender {
    shared: Arc<Shared>,
}

impl PhaseSender {
    /// Moves to `next` and wakes the waiters for it and for earlier phases. Returns whether the
    /// phase has moved.
    ///
    /// The phase does not move backward, except from lame duck to running.
    #[expect(clippy::must_use_candidate, reason = "most callers know that they move forward")]
    pub fn publish(&self, next: Phase) -> bool {
        let now = self.shared.phase();
        let is_cancelled = next == Phase::Running && now == Phase::LameDuck;
        // Both before the move: a reader that sees the new phase sees the new count, too.
        if is_cancelled {
            self.shared.cancelled.fetch_add(1, Ordering::SeqCst);
        }
        if next.is_stopping() && !now.is_stopping() {
            self.shared.begun.fetch_add(1, Ordering::SeqCst);
        }
        let moved = self
            .shared
            .phase
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| {
                Phase::from_u8(now).may_become(next).then_some(next as u8)
            })
            .is_ok();
        if moved {
            // A move may skip phases. Waiters for a skipped phase are done as well.
            let reached = &self.shared.waiters[..=next as usize];
            reached.iter().flatten().for_each(|shard| shard.notify_waiters());
            if is_cancelled {
                self.shared.stop_cancelled.notify_waiters();
            }
        }
        moved
    }

    /// Sets the deadlines of the stop. To be called before [`publish`](Self::publish), so that a
    /// reader of the new phase finds the deadlines that belong to it.
    pub fn set_deadlines(&self, deadlines: StopDeadlines) {
        let StopDeadlines { draining_at, accept_queue_until, cancelling_at, abort_at } = deadlines;
        let shared = &*self.shared;
        shared.store(&shared.draining_at, draining_at);
        shared.store(&shared.accept_queue_until, accept_queue_until);
        shared.store(&shared.cancelling_at, cancelling_at);
        shared.store(&shared.abort_at, abort_at);
    }

    /// Makes a new side that reads.
    #[must_use]
    pub fn watch(&self) -> PhaseWatch {
        PhaseWatch { shared: Arc::clone(&self.shared) }
    }
}

impl fmt::Debug for PhaseSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared } = self;
        f.debug_struct("PhaseSender").field("phase", &shared.phase()).finish()
    }
}

/// The side of a phase that reads. Clones share one phase.
#[derive(Clone)]
pub struct PhaseWatch {
    shared: Arc<Shared>,
}

impl PhaseWatch {
    /// The current phase. One atomic load, sequentially consistent.
    #[inline]
    #[must_use]
    pub fn current(&self) -> Phase {
        self.shared.phase()
    }

    /// Whether the phase is `phase` or a later one now. One atomic load, sequentially consistent.
    #[inline]
    #[must_use]
    pub fn has_reached(&self, phase: Phase) -> bool {
        self.shared.has_reached(phase)
    }

    /// How many stops were cancelled so far. Plumbing of lameduck's own crates.
    ///
    /// A move wakes a waiter once. A future that reads the [phase](Self::current) instead of
    /// polling its wait again, and finds it too early, compares this number with the one from
    /// the last poll of that wait: if it has grown, the wake-up is used up, and the wait must
    /// be polled again.
    #[doc(hidden)]
    #[must_use]
    pub fn times_cancelled(&self) -> usize {
        // SeqCst, as the phase: a load after that of the phase is at least as new.
        self.shared.cancelled.load(Ordering::SeqCst)
    }

    /// The number of the stop under way, from 1, or `None` without one. Plumbing of lameduck's own
    /// crates.
    ///
    /// A stop that begins after another one was cancelled has another number.
    #[doc(hidden)]
    #[must_use]
    pub fn stop_number(&self) -> Option<usize> {
        let begun = || self.shared.begun.load(Ordering::SeqCst);
        loop {
            let number = begun();
            let is_leaving = self.current().is_stopping();
            // A stop that began in between may have set that phase.
            if begun() == number {
                return is_leaving.then_some(number);
            }
        }
    }

    /// Completes when the stop with this [number](Self::stop_number) is cancelled, at once if it is
    /// not under way. Plumbing of lameduck's own crates.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    #[doc(hidden)]
    pub async fn stop_cancelled(&self, stop: usize) {
        loop {
            // Made before the phase is read, so that a move in between is not missed.
            let stop_cancelled = self.shared.stop_cancelled.notified();
            if self.stop_number() != Some(stop) {
                return;
            }
            stop_cancelled.await;
        }
    }

    /// The deadlines of the stop under way.
    #[must_use]
    pub fn deadlines(&self) -> StopDeadlines {
        let shared = &*self.shared;
        StopDeadlines {
            draining_at: shared.load(&shared.draining_at),
            accept_queue_until: shared.load(&shared.accept_queue_until),
            cancelling_at: shared.load(&shared.cancelling_at),
            abort_at: shared.load(&shared.abort_at),
        }
    }

    /// As [`deadlines().draining_at`](StopDeadlines::draining_at), with one atomic load.
    #[must_use]
    pub fn draining_at(&self) -> Option<Instant> {
        self.shared.load(&self.shared.draining_at)
    }

    /// As [`deadlines().cancelling_at`](StopDeadlines::cancelling_at), with one atomic load.
    #[must_use]
    pub fn cancelling_at(&self) -> Option<Instant> {
        self.shared.load(&self.shared.cancelling_at)
    }

    /// Completes when the phase is `phase` or a later one, at once if it already is.
    ///
    /// When it completes, the phase was reached. It need not last: lame duck goes back to running
    /// when the stop is cancelled.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub fn reached(&self, phase: Phase) -> PhaseReached {
        // Relaxed: any shard is right, the number only spreads the waiters.
        let shard = self.shared.next_shard.fetch_add(1, Ordering::Relaxed) % SHARDS;
        PhaseReached {
            watch: self.clone(),
            phase,
            shard: Arc::clone(&self.shared.waiters[phase as usize][shard]),
            notified: None,
        }
    }
}

impl fmt::Debug for PhaseWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared } = self;
        f.debug_struct("PhaseWatch").field("phase", &shared.phase()).finish()
    }
}

/// Completes when a phase is reached. Made by [`PhaseWatch::reached`].
#[must_use = "futures do nothing unless polled"]
pub struct PhaseReached {
    watch: PhaseWatch,
    phase: Phase,
    shard: Arc<Notify>,
    /// Boxed at the first poll that is pending: a wait that is over at once allocates nothing.
    notified: Option<Pin<Box<OwnedNotified>>>,
}

impl Future for PhaseReached {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        loop {
            if this.watch.current() >= this.phase {
                this.notified = None;
                return Poll::Ready(());
            }
            let shard = &this.shard;
            let notified =
                this.notified.get_or_insert_with(|| Box::pin(Arc::clone(shard).notified_owned()));
            // The poll puts the waiter on the list. The phase is read once more after that, so that
            // a move between the read above and this poll is not missed.
            if notified.as_mut().poll(cx).is_ready() {
                this.notified = None;
            } else if this.watch.current() < this.phase {
                return Poll::Pending;
            }
        }
    }
}

impl fmt::Debug for PhaseReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { watch, phase, shard: _, notified: _ } = self;
        f.debug_struct("PhaseReached")
            .field("phase", phase)
            .field("now", &watch.current())
            .finish_non_exhaustive()
    }
}
