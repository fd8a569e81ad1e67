//! A wait for a phase, behind work that is polled first.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use lameduck_core::{Phase, PhaseReached, PhaseWatch};

/// When work that would go on for ever comes to its end.
pub(crate) struct Until {
    watch: PhaseWatch,
    phase: Phase,
    /// Made at the first wait: whoever never waits registers nothing.
    due: Option<PhaseReached>,
    over: Option<PhaseReached>,
}

impl Until {
    pub(crate) const fn new(watch: PhaseWatch, phase: Phase) -> Self {
        Self { watch, phase, due: None, over: None }
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.due = None;
    }

    /// Whether the time is over for what has more to say all the time.
    pub(crate) fn is_over(&self) -> bool {
        self.watch.current() >= Phase::Cancelling.max(self.phase)
    }

    /// Completes when the end is to come.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { watch, phase, due, .. } = self;
        Pin::new(due.get_or_insert_with(|| watch.reached(*phase))).poll(cx)
    }

    /// Completes when the time is over.
    pub(crate) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { watch, phase, over, .. } = self;
        let last = Phase::Cancelling.max(*phase);
        Pin::new(over.get_or_insert_with(|| watch.reached(last))).poll(cx)
    }
}

impl fmt::Debug for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { watch, phase, due: _, over: _ } = self;
        f.debug_struct("Until").field("phase", phase).field("now", &watch.current()).finish()
    }
}

/// Whether work that says it has nothing more means it.
///
/// A task of tokio's that did much in one turn is told "not yet" by every channel and socket, full
/// or not, until its next turn. Whoever takes that for the end of a queue loses the rest of it.
/// So the task is woken again at once: not all work that says "not yet" knows of this and does so.
pub(crate) fn is_meant(cx: &Context<'_>) -> bool {
    let is_meant = tokio::task::coop::has_budget_remaining();
    if !is_meant {
        cx.waker().wake_by_ref();
    }
    is_meant
}
