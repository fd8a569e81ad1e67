//! What is remembered of a stop, until it is cancelled.

use std::{
    sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use crate::{Escalation, Signal};

/// No signal has counted.
const NEVER: u64 = u64::MAX;

/// What the triggers of a process remember of a stop.
///
/// All is relaxed: nothing but the values themselves is published.
pub(crate) struct Memory {
    origin: Instant,
    /// By signal: when it last counted, in nanoseconds after `origin`.
    last: [AtomicU64; Signal::ALL.len()],
    /// How many stop signals came, repeated ones included.
    received: AtomicUsize,
    /// How often a stop was asked for, up to three times.
    asked: AtomicU8,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            origin: now(),
            last: Signal::ALL.map(|_| NEVER.into()),
            received: AtomicUsize::new(0),
            asked: AtomicU8::new(0),
        }
    }

    /// Forgets all: the stop was cancelled.
    pub(crate) fn reset(&self) {
        self.last.iter().for_each(|last| last.store(NEVER, Ordering::Relaxed));
        self.received.store(0, Ordering::Relaxed);
        self.asked.store(0, Ordering::Relaxed);
    }

    /// A stop signal came. Returns how many, this one included.
    pub(crate) fn receive(&self) -> usize {
        self.received.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Whether this signal counts: it has not counted within `debounce`.
    pub(crate) fn counts(&self, signal: Signal, debounce: Duration) -> bool {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(NEVER - 1);
        let (now, last) = (nanos(self.origin.elapsed()), &self.last[signal as usize]);
        let before = last.load(Ordering::Relaxed);
        if before != NEVER && now.saturating_sub(before) < nanos(debounce) {
            return false;
        }
        last.store(now, Ordering::Relaxed);
        true
    }

    /// A stop is asked for. Returns how often, this time included.
    pub(crate) fn ask(&self) -> Escalation {
        // In one step, so that a reset in between is not lost.
        let next = |asked: u8| Some(asked.saturating_add(1).min(3));
        let before = self.asked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Escalation::after(Self::escalation_of(before.unwrap_or_default()))
    }

    /// How often a stop was asked for, if it was.
    pub(crate) fn escalation(&self) -> Option<Escalation> {
        Self::escalation_of(self.asked.load(Ordering::Relaxed))
    }

    const fn escalation_of(asked: u8) -> Option<Escalation> {
        match asked {
            0 => None,
            1 => Some(Escalation::First),
            2 => Some(Escalation::Second),
            _ => Some(Escalation::Third),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "signals come in real time, whatever a test pauses")]
fn now() -> Instant {
    Instant::now()
}
