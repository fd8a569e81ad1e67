//! A wait for a phase, behind work that is polled first.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use lameduck_core::{Phase, PhaseReached, PhaseWatch};

/// When work that has no end of its own comes to its end.
pub(crate) struct Until {
    watch: PhaseWatch,
    phase: Phase,
    /// Made at the first wait: work that never waits registers nothing.
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

    /// Whether the time is over, even for work that always has more ready.
    pub(crate) fn is_over(&self) -> bool {
        self.watch.current() >= Phase::Cancelling.max(self.phase)
    }

    /// Completes when the work should end.
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

/// Whether work that returned `Pending` really has nothing ready.
///
/// When a tokio task has used up its budget for one turn, every channel and socket returns
/// `Pending` until the next turn, even a full one. Code that takes this for the end of a queue
/// loses the rest of the queue. So the task is woken again at once, because not all work does that
/// itself.
pub(crate) fn is_really_pending(cx: &Context<'_>) -> bool {
    let is_pending = tokio::task::coop::has_budget_remaining();
    if !is_pending {
        cx.waker().wake_by_ref();
    }
    is_pending
}
