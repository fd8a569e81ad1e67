//! What a request waits for beside its own work: its deadline, and a forced stop.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use lameduck_core::{Phase, PhaseReached, PhaseWatch};
use pin_project_lite::pin_project;
use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

/// Why a [`DeadlineTimer`] has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The deadline has passed.
    Deadline,
    /// [`Phase::Forced`] is reached.
    Forced,
}

/// Expires at a deadline, or when [`Phase::Forced`] is reached.
///
/// Starts when the work first waits, so that work that never waits costs no clock, no timer and no
/// allocation. Decides nothing: its owner reads [`Expiry`] and may extend the deadline once.
pub(crate) struct DeadlineTimer {
    started: Option<Pin<Box<Started>>>,
}

pin_project! {
    struct Started {
        #[pin]
        sleep: Option<Sleep>,
        forced: Option<PhaseReached>,
        // The waker that both wake, once they have one.
        waker: Option<Waker>,
        was_extended: bool,
    }
}

impl DeadlineTimer {
    pub(crate) const fn new() -> Self {
        Self { started: None }
    }

    pub(crate) const fn is_started(&self) -> bool {
        self.started.is_some()
    }

    /// Starts the timer, unless there is neither a deadline nor a phase.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime whose time is enabled, if there is a deadline.
    #[cold]
    #[inline(never)]
    pub(crate) fn start(&mut self, at: Option<Instant>, phase: Option<&PhaseWatch>) {
        if at.is_none() && phase.is_none() {
            return;
        }
        let sleep = at.map(sleep_until);
        let forced = phase.map(|phase| phase.reached(Phase::Forced));
        self.started = Some(Box::pin(Started::new(sleep, forced)));
    }

    /// Ready once the timer has expired. Else the task is woken when it expires.
    ///
    /// `phase` is the one that the timer was started with.
    #[inline]
    pub(crate) fn poll(
        &mut self,
        phase: Option<&PhaseWatch>,
        cx: &mut Context<'_>,
    ) -> Poll<Expiry> {
        let Some(started) = &mut self.started else { return Poll::Pending };
        if let Some(expiry) = started.expiry(phase) {
            return Poll::Ready(expiry);
        }
        // A task is polled for other reasons as well. Its waker is in both lists already.
        if started.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        started.as_mut().register(cx)
    }

    /// Whether the timer has expired. Wakes no task.
    #[inline]
    pub(crate) fn expiry(&self, phase: Option<&PhaseWatch>) -> Option<Expiry> {
        match &self.started {
            Some(started) => started.expiry(phase),
            None => is_forced(phase).then_some(Expiry::Forced),
        }
    }

    /// Whether the deadline was extended.
    pub(crate) fn was_extended(&self) -> bool {
        self.started.as_ref().is_some_and(|started| started.was_extended)
    }

    /// Notes that the work may go on although the timer has expired.
    #[cold]
    pub(crate) fn set_extended(&mut self) {
        let started = self.started.get_or_insert_with(|| Box::pin(Started::new(None, None)));
        *started.as_mut().project().was_extended = true;
    }

    /// Sets a later deadline.
    #[cold]
    pub(crate) fn extend(&mut self, at: Instant) {
        self.set_extended();
        if let Some(started) = &mut self.started {
            let this = started.as_mut().project();
            if let Some(sleep) = this.sleep.as_pin_mut() {
                sleep.reset(at);
            }
            *this.waker = None;
        }
    }
}

impl Started {
    const fn new(sleep: Option<Sleep>, forced: Option<PhaseReached>) -> Self {
        Self { sleep, forced, waker: None, was_extended: false }
    }

    fn expiry(&self, phase: Option<&PhaseWatch>) -> Option<Expiry> {
        if is_forced(phase) {
            Some(Expiry::Forced)
        } else if self.sleep.as_ref().is_some_and(Sleep::is_elapsed) {
            Some(Expiry::Deadline)
        } else {
            None
        }
    }

    #[inline(never)]
    fn register(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Expiry> {
        let mut this = self.project();
        // Without a budget: a handler that has used up its task's must neither keep the timer from
        // being set nor escape it.
        let mut either = unconstrained(poll_fn(|cx| {
            if let Some(forced) = this.forced.as_mut() {
                if Pin::new(forced).poll(cx).is_ready() {
                    return Poll::Ready(Expiry::Forced);
                }
            }
            match this.sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(cx).map(|()| Expiry::Deadline),
                None => Poll::Pending,
            }
        }));
        let expiry = Pin::new(&mut either).poll(cx);
        *this.waker = Some(cx.waker().clone());
        expiry
    }
}

fn is_forced(phase: Option<&PhaseWatch>) -> bool {
    phase.is_some_and(|phase| phase.current() >= Phase::Forced)
}

impl fmt::Debug for DeadlineTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { started } = self;
        f.debug_struct("DeadlineTimer").field("started", &started.is_some()).finish()
    }
}
