//! The phase as it is shared: written by one, read by every request.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use crossbeam_utils::CachePadded;
use tokio::sync::{Notify, futures::OwnedNotified};

use crate::Phase;

/// Lists that those who wait for one phase are spread over, as tokio's own `watch` does: one list
/// is one lock.
const LOBBIES: usize = 8;

/// Those who wait for one phase. Each phase has its own, so that a move wakes nobody who has to
/// wait on: while a server drains, that is every request in flight.
type Lobbies = [Arc<Notify>; LOBBIES];

/// No deadline is known yet.
const UNKNOWN: u64 = u64::MAX;

/// Makes a phase, [`Phase::Starting`], as a side that writes and a side that reads.
#[must_use]
pub fn phase_channel() -> (PhaseSender, PhaseWatch) {
    let shared = Arc::new(Shared {
        phase: CachePadded::new(AtomicU8::new(Phase::Starting as u8)),
        draining_at: AtomicU64::new(UNKNOWN),
        cancelling_at: AtomicU64::new(UNKNOWN),
        // The one clock reading: a fixed point that deadlines are stored relative to.
        #[expect(clippy::disallowed_methods, reason = "an origin, not a measurement")]
        origin: Instant::now(),
        lobbies: Phase::ALL.map(|_| std::array::from_fn(|_| Arc::default())),
        begun: AtomicUsize::new(0),
        undone: AtomicUsize::new(0),
        stop_cancelled: Notify::new(),
        next_lobby: AtomicUsize::new(0),
    });
    (PhaseSender { shared: Arc::clone(&shared) }, PhaseWatch { shared })
}

struct Shared {
    /// Alone on its line: every request reads it, a stop writes it a handful of times.
    phase: CachePadded<AtomicU8>,
    /// Nanoseconds after `origin` at which draining begins at the latest.
    draining_at: AtomicU64,
    /// Nanoseconds after `origin` at which cancelling begins at the latest.
    cancelling_at: AtomicU64,
    origin: Instant,
    /// By phase.
    lobbies: [Lobbies; Phase::ALL.len()],
    /// How often a stop has begun.
    begun: AtomicUsize,
    /// How often lame duck went back to running.
    undone: AtomicUsize,
    /// Told after each time.
    stop_cancelled: Notify,
    next_lobby: AtomicUsize,
}

impl Shared {
    #[inline]
    fn phase(&self) -> Phase {
        // SeqCst: a layer counts a request and then reads the phase; the driver writes the phase
        // and then reads the count. One total order over these four is what keeps a request from
        // slipping between them. On x86-64 and AArch64 the load costs the same as an acquire.
        Phase::from_u8(self.phase.load(Ordering::SeqCst))
    }

    fn store(&self, deadline: &AtomicU64, at: Option<Instant>) {
        let nanos = at.map_or(UNKNOWN, |at| {
            let after = at.saturating_duration_since(self.origin);
            u64::try_from(after.as_nanos()).unwrap_or(UNKNOWN)
        });
        // Release, and acquire in `load`: what is done before a deadline is told is seen by
        // whoever acts on it.
        deadline.store(nanos, Ordering::Release);
    }

    fn load(&self, deadline: &AtomicU64) -> Option<Instant> {
        match deadline.load(Ordering::Acquire) {
            UNKNOWN => None,
            nanos => self.origin.checked_add(Duration::from_nanos(nanos)),
        }
    }
}

/// The side of a phase that writes. Made by [`phase_channel`].
///
/// When it is dropped, the phase stays what it was.
pub struct PhaseSender {
    shared: Arc<Shared>,
}

impl PhaseSender {
    /// Moves to `next` and wakes all who wait for it or an earlier phase. Returns whether the move was made.
    ///
    /// A move backward is refused, but for lame duck, which may go back to running.
    #[expect(clippy::must_use_candidate, reason = "most callers know that they move forward")]
    pub fn publish(&self, next: Phase) -> bool {
        let now = self.shared.phase();
        let calls_off = next == Phase::Running && now == Phase::LameDuck;
        // Before the move, both: who sees the phase go back, or a stop begin, sees that it did.
        if calls_off {
            self.shared.undone.fetch_add(1, Ordering::SeqCst);
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
            // Moves may skip phases, and who waits for a skipped one has waited long enough.
            let reached = &self.shared.lobbies[..=next as usize];
            reached.iter().flatten().for_each(|lobby| lobby.notify_waiters());
            if calls_off {
                self.shared.stop_cancelled.notify_waiters();
            }
        }
        moved
    }

    /// Says when draining begins at the latest, or that it is not known (any more).
    pub fn set_draining_at(&self, at: Option<Instant>) {
        self.shared.store(&self.shared.draining_at, at);
    }

    /// Says when cancelling begins at the latest, or that it is not known (any more).
    pub fn set_cancelling_at(&self, at: Option<Instant>) {
        self.shared.store(&self.shared.cancelling_at, at);
    }

    /// A new side that reads.
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
    /// The phase now. One atomic load, sequentially consistent.
    #[inline]
    #[must_use]
    pub fn current(&self) -> Phase {
        self.shared.phase()
    }

    /// How often lame duck was undone so far.
    ///
    /// A move wakes who waits once. Whoever looks at the [phase](Self::current) instead of polling a
    /// wait again, and finds it too early, asks this next: if it has grown since that wait was
    /// polled, the wake-up is spent, and the wait must be polled again.
    #[must_use]
    pub fn times_cancelled(&self) -> usize {
        // SeqCst, as the phase: read after it, it is at least as new.
        self.shared.undone.load(Ordering::SeqCst)
    }

    /// The number of the stop that is under way, from 1, or `None` while there is none.
    ///
    /// A lame duck that is undone and begins anew is another stop.
    #[must_use]
    pub fn stop_number(&self) -> Option<usize> {
        let begun = || self.shared.begun.load(Ordering::SeqCst);
        loop {
            let number = begun();
            let is_leaving = self.current().is_stopping();
            // A stop that has begun in between may be the one whose phase that is.
            if begun() == number {
                return is_leaving.then_some(number);
            }
        }
    }

    /// Completes once the stop with this [number](Self::stop_number) is called off, at once if it
    /// is not under way.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn stop_cancelled(&self, stop: usize) {
        loop {
            // Made before the phase is read: a move that comes in between is not missed.
            let stop_cancelled = self.shared.stop_cancelled.notified();
            if self.stop_number() != Some(stop) {
                return;
            }
            stop_cancelled.await;
        }
    }

    /// When draining begins at the latest, if a stop is under way.
    #[must_use]
    pub fn draining_at(&self) -> Option<Instant> {
        self.shared.load(&self.shared.draining_at)
    }

    /// When cancelling begins at the latest, if a stop is under way.
    ///
    /// No deadline of a request should lie after it.
    #[must_use]
    pub fn cancelling_at(&self) -> Option<Instant> {
        self.shared.load(&self.shared.cancelling_at)
    }

    /// Completes once the phase is `phase` or a later one, at once if it already is.
    ///
    /// Completion says that the phase was reached, not that it still is: lame duck may be undone.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub fn reached(&self, phase: Phase) -> PhaseReached {
        // Relaxed: any lobby is right, the number only spreads the waiters.
        let lobby = self.shared.next_lobby.fetch_add(1, Ordering::Relaxed) % LOBBIES;
        PhaseReached {
            watch: self.clone(),
            phase,
            lobby: Arc::clone(&self.shared.lobbies[phase as usize][lobby]),
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

/// Completes once a phase is reached. Made by [`PhaseWatch::reached`].
#[must_use = "futures do nothing unless polled"]
pub struct PhaseReached {
    watch: PhaseWatch,
    phase: Phase,
    lobby: Arc<Notify>,
    /// Boxed when first needed: a wait that is over at its first poll allocates nothing.
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
            let lobby = &this.lobby;
            let notified =
                this.notified.get_or_insert_with(|| Box::pin(Arc::clone(lobby).notified_owned()));
            // Polling enters the list. The phase is read once more after that, so a move that
            // came between the read above and the entry is not missed.
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
        let Self { watch, phase, lobby: _, notified: _ } = self;
        f.debug_struct("PhaseReached")
            .field("phase", phase)
            .field("now", &watch.current())
            .finish_non_exhaustive()
    }
}
