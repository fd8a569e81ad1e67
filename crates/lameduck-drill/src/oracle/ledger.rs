//! Where the clients record what became of their requests.

use std::{
    borrow::Cow,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{Counts, Loss, LossReason, Outcome, Snapshot, Verdict};

/// What became of every request so far.
pub(super) struct Ledger {
    start: Instant,
    // One lock: there are a few thousand entries a second, and all rows are read at one moment.
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    counts: Vec<(Cow<'static, str>, Counts)>,
    open: usize,
    losses: Vec<Loss>,
    last_answer: Option<Instant>,
    slowest_refusal: Option<Duration>,
}

/// A request that has begun. Dropped without an outcome, it is lost: its client waits no longer.
#[must_use]
pub(super) struct Ticket<'a> {
    ledger: &'a Ledger,
    row: usize,
    began: Instant,
    outcome: Outcome,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), rows: Mutex::default() }
    }

    /// The row with this name, made with zeros if it is new. So the verdict also shows a scenario
    /// without a request.
    pub(super) fn row(&self, name: Cow<'static, str>) -> usize {
        let mut rows = self.rows();
        if let Some(row) = rows.counts.iter().position(|(known, _)| *known == name) {
            return row;
        }
        rows.counts.push((name, Counts::default()));
        rows.counts.len() - 1
    }

    pub(super) fn begin(&self, row: usize) -> Ticket<'_> {
        self.rows().open += 1;
        let outcome = Outcome::Lost(LossReason::TimedOut);
        Ticket { ledger: self, row, began: Instant::now(), outcome }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let rows = self.rows();
        let unanswered = rows.counts.iter().filter(|(_, counts)| counts.answered == 0);
        Snapshot {
            elapsed: self.start.elapsed(),
            total: rows.total(),
            open: rows.open,
            unanswered_scenarios: unanswered.count(),
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let rows = self.rows();
        Verdict {
            total: rows.total(),
            by_scenario: rows.counts.clone(),
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
        self.counts.iter().for_each(|(_, counts)| total += *counts);
        total
    }
}

impl Ticket<'_> {
    pub(super) fn end(mut self, outcome: Outcome) {
        // `drop` records it, and is the only place that does.
        self.outcome = outcome;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let Self { ledger, row, began, outcome } = *self;
        let now = Instant::now();
        let mut rows = ledger.rows();
        let Rows { counts, open, losses, last_answer, slowest_refusal } = &mut *rows;
        let Some((name, counts)) = counts.get_mut(row) else { return };
        *open -= 1;
        counts.add(outcome);
        match outcome {
            Outcome::Answered => *last_answer = Some(now),
            Outcome::Lost(reason) if losses.len() < Verdict::MOST_LOSSES => {
                let (began, ended) = (began - ledger.start, now - ledger.start);
                losses.push(Loss { scenario: name.clone(), reason, began, ended });
            }
            Outcome::Refused => *slowest_refusal = (*slowest_refusal).max(Some(now - began)),
            Outcome::Lost(_) | Outcome::Rejected => (),
        }
    }
}
