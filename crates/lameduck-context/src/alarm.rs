//! What a request waits for beside its own work: a time, and the end of the server's patience.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use lameduck_core::{Phase, PhaseReached, PhaseWatch};
use pin_project_lite::pin_project;
use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

/// As good as never; `tokio` takes the same for a time that cannot be written.
const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Why an alarm rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    /// The time has come.
    Time,
    /// [`Phase::Forced`] is reached.
    Forced,
}

/// Rings at a time, or when [`Phase::Forced`] is reached.
///
/// It is made when the work first waits, so that work that never waits pays for no clock, no timer
/// and no allocation.
pub(crate) struct Alarm {
    armed: Option<Pin<Box<Armed>>>,
}

pin_project! {
    struct Armed {
        #[pin]
        sleep: Option<Sleep>,
        forced: Option<PhaseReached>,
        // Who was told to be woken, if anybody was.
        waker: Option<Waker>,
        // It has rung once, and whoever it rang for got a last chance.
        is_late: bool,
    }
}

impl Alarm {
    pub(crate) const fn new() -> Self {
        Self { armed: None }
    }

    pub(crate) const fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Says what to wait for. Nothing, if there is neither a time nor a phase.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime whose time is enabled, if there is a time.
    #[cold]
    #[inline(never)]
    pub(crate) fn arm(&mut self, at: Option<Instant>, phase: Option<&PhaseWatch>) {
        if at.is_none() && phase.is_none() {
            return;
        }
        let sleep = at.map(sleep_until);
        let forced = phase.map(|phase| phase.reached(Phase::Forced));
        self.armed = Some(Box::pin(Armed::new(sleep, forced)));
    }

    /// Rings, or sees to it that the task is woken when it is to ring.
    ///
    /// `phase` is the one the alarm was armed with.
    #[inline]
    pub(crate) fn poll(&mut self, phase: Option<&PhaseWatch>, cx: &mut Context<'_>) -> Poll<Ring> {
        let Some(armed) = &mut self.armed else { return Poll::Pending };
        if let Some(ring) = armed.rang(phase) {
            return Poll::Ready(ring);
        }
        // A task that polls again, for whatever else it waits, is on both lists already.
        if armed.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        armed.as_mut().register(cx)
    }

    /// Whether the alarm should have rung. Wakes nobody.
    #[inline]
    pub(crate) fn rang(&self, phase: Option<&PhaseWatch>) -> Option<Ring> {
        match &self.armed {
            Some(armed) => armed.rang(phase),
            None => is_forced(phase).then_some(Ring::Forced),
        }
    }

    /// Whether it has rung before, and there was a last chance.
    pub(crate) fn is_late(&self) -> bool {
        self.armed.as_ref().is_some_and(|armed| armed.is_late)
    }

    /// Notes that it has rung, and that this is the last chance.
    #[cold]
    pub(crate) fn set_late(&mut self) {
        let armed = self.armed.get_or_insert_with(|| Box::pin(Armed::new(None, None)));
        *armed.as_mut().project().is_late = true;
    }

    /// Sets another time, which is the last chance.
    #[cold]
    pub(crate) fn put_off(&mut self, at: Instant) {
        self.set_late();
        if let Some(armed) = &mut self.armed {
            let this = armed.as_mut().project();
            if let Some(sleep) = this.sleep.as_pin_mut() {
                sleep.reset(at);
            }
            *this.waker = None;
        }
    }
}

impl Armed {
    const fn new(sleep: Option<Sleep>, forced: Option<PhaseReached>) -> Self {
        Self { sleep, forced, waker: None, is_late: false }
    }

    fn rang(&self, phase: Option<&PhaseWatch>) -> Option<Ring> {
        if is_forced(phase) {
            Some(Ring::Forced)
        } else if self.sleep.as_ref().is_some_and(Sleep::is_elapsed) {
            Some(Ring::Time)
        } else {
            None
        }
    }

    #[inline(never)]
    fn register(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ring> {
        let mut this = self.project();
        // Without a budget: a handler that has used up its task's must not keep the alarm from
        // being set, and must not outrun it.
        let mut either = unconstrained(poll_fn(|cx| {
            if let Some(forced) = this.forced.as_mut() {
                if Pin::new(forced).poll(cx).is_ready() {
                    return Poll::Ready(Ring::Forced);
                }
            }
            match this.sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(cx).map(|()| Ring::Time),
                None => Poll::Pending,
            }
        }));
        let rang = Pin::new(&mut either).poll(cx);
        *this.waker = Some(cx.waker().clone());
        rang
    }
}

fn is_forced(phase: Option<&PhaseWatch>) -> bool {
    phase.is_some_and(|phase| phase.current() >= Phase::Forced)
}

/// The time that lies `limit` ahead.
pub(crate) fn from_now(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or_else(|| now + NEVER)
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { armed } = self;
        f.debug_struct("Alarm").field("armed", &armed.is_some()).finish()
    }
}
