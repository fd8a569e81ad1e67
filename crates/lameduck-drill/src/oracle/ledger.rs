//! Where the clients write down what became of their requests.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Counts, Kind, Loss, LossReason, Outcome, Snapshot, Verdict};

/// What became of every request so far.
pub(super) struct Ledger {
    start: Instant,
    // One lock: a few thousand entries a second, and every row is consistent with the others.
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    counts: BTreeMap<Kind, Counts>,
    open: usize,
    losses: Vec<Loss>,
    last_answer: Option<Instant>,
    slowest_refusal: Option<Duration>,
}

/// A request that has begun. Dropped without an end, it is lost: nobody waits for it any more.
#[must_use]
pub(super) struct Ticket<'a> {
    ledger: &'a Ledger,
    kind: Kind,
    began: Instant,
    outcome: Outcome,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), rows: Mutex::default() }
    }

    pub(super) fn begin(&self, kind: Kind) -> Ticket<'_> {
        self.rows().open += 1;
        let outcome = Outcome::Lost(LossReason::TimedOut);
        Ticket { ledger: self, kind, began: Instant::now(), outcome }
    }

    /// Enters a kind with zeros, so that a kind without a request is seen in the verdict.
    pub(super) fn expect(&self, kind: Kind) {
        self.rows().counts.entry(kind).or_default();
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let rows = self.rows();
        Snapshot {
            elapsed: self.start.elapsed(),
            total: rows.total(),
            open: rows.open,
            unanswered_kinds: rows.counts.values().filter(|counts| counts.answered == 0).count(),
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let rows = self.rows();
        Verdict {
            total: rows.total(),
            by_kind: rows.counts.iter().map(|(kind, counts)| (*kind, *counts)).collect(),
            losses: rows.losses.clone(),
            last_answer: rows.last_answer,
            slowest_refusal: rows.slowest_refusal,
        }
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.counts.values().for_each(|counts| total += *counts);
        total
    }
}

impl Ticket<'_> {
    pub(super) fn end(mut self, outcome: Outcome) {
        // Written down by the drop, which is the one place that does.
        self.outcome = outcome;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let Self { ledger, kind, began, outcome } = *self;
        let now = Instant::now();
        let mut rows = ledger.rows();
        rows.open -= 1;
        rows.counts.entry(kind).or_default().add(outcome);
        match outcome {
            Outcome::Answered => rows.last_answer = Some(now),
            Outcome::Lost(reason) if rows.losses.len() < Verdict::MOST_LOSSES => {
                let (began, ended) = (began - ledger.start, now - ledger.start);
                rows.losses.push(Loss { kind, reason, began, ended });
            }
            Outcome::Refused => rows.slowest_refusal = rows.slowest_refusal.max(Some(now - began)),
            Outcome::Lost(_) | Outcome::Rejected => (),
        }
    }
}
