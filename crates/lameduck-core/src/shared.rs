//! What both sides of a phase share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_utils::CachePadded;
use tokio::sync::Notify;

use crate::Phase;

/// The waiters for one phase are spread over this many lists, as in tokio's own `watch`, because
/// each list has one lock.
pub(crate) const SHARDS: usize = 8;

/// The waiters for one phase. Each phase has its own, so that a move wakes only the waiters that
/// it completes: while a server drains, every request in flight waits for a later phase.
type Waiters = [Arc<Notify>; SHARDS];

/// No deadline is set.
const NONE: u64 = u64::MAX;

pub(crate) struct Shared {
    /// Alone on its cache line: every request reads it, a stop writes it a few times.
    pub(crate) phase: CachePadded<AtomicU8>,
    /// The [`StopDeadlines`], each in nanoseconds after `origin`.
    pub(crate) draining_at: AtomicU64,
    pub(crate) accept_queue_until: AtomicU64,
    pub(crate) cancelling_at: AtomicU64,
    pub(crate) abort_at: AtomicU64,
    origin: Instant,
    /// By phase.
    pub(crate) waiters: [Waiters; Phase::ALL.len()],
    /// How many stops have begun.
    pub(crate) begun: AtomicUsize,
    /// How many stops were cancelled.
    pub(crate) cancelled: AtomicUsize,
    /// Notified after each cancelled stop.
    pub(crate) stop_cancelled: Notify,
    pub(crate) next_shard: AtomicUsize,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            phase: CachePadded::new(AtomicU8::new(Phase::Starting as u8)),
            draining_at: AtomicU64::new(NONE),
            accept_queue_until: AtomicU64::new(NONE),
            cancelling_at: AtomicU64::new(NONE),
            abort_at: AtomicU64::new(NONE),
            // The only clock reading: deadlines are stored relative to it.
            #[expect(clippy::disallowed_methods, reason = "an origin, not a measurement")]
            origin: Instant::now(),
            waiters: Phase::ALL.map(|_| std::array::from_fn(|_| Arc::default())),
            begun: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            stop_cancelled: Notify::new(),
            next_shard: AtomicUsize::new(0),
        }
    }

    /// Whether the phase is `phase` or a later one.
    #[inline]
    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        // SeqCst, as in `phase`. Numbers are compared, which needs no check of their range.
        self.phase.load(Ordering::SeqCst) >= phase as u8
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        // SeqCst: a layer counts a request and then reads the phase; the driver writes the phase
        // and then reads the count. One total order over these four operations makes sure that no
        // request slips between them. On x86-64 and AArch64 the load costs as much as an acquire.
        Phase::from_u8(self.phase.load(Ordering::SeqCst))
    }

    pub(crate) fn store(&self, deadline: &AtomicU64, at: Option<Instant>) {
        let nanos = at.map_or(NONE, |at| {
            let after = at.saturating_duration_since(self.origin);
            u64::try_from(after.as_nanos()).unwrap_or(NONE)
        });
        // Release, and acquire in `load`: a reader of the deadline sees what was written before it.
        deadline.store(nanos, Ordering::Release);
    }

    pub(crate) fn load(&self, deadline: &AtomicU64) -> Option<Instant> {
        match deadline.load(Ordering::Acquire) {
            NONE => None,
            nanos => self.origin.checked_add(Duration::from_nanos(nanos)),
        }
    }
}
