//! The phase machine. It has no clock and does no work: time is an argument, a move is a result.

use std::time::{Duration, Instant};

use crate::{Phase, StopDeadlines, StopTimeouts};

/// What happened outside the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The start hooks are done.
    Started,
    /// The stop begins.
    Begin {
        /// Whether the stop begins with lame duck. A stop by Ctrl-C skips it.
        lame_duck: bool,
    },
    /// The stop is cancelled. Has an effect only in lame duck.
    CancelStop,
    /// The stop goes one step further at once.
    Escalate,
    /// A request came. Has an effect only in lame duck, where it postpones the quiet end.
    Busy,
    /// Nothing is in flight and no connection is open.
    Idle,
    /// The stop hooks are done.
    HooksDone,
    /// Time passed.
    Tick,
}

/// Why the machine moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransitionCause {
    /// The event that the phase waits for has come.
    Event,
    /// The phase's timeout was over.
    Timeout,
    /// The stop was escalated.
    Escalated,
}

impl TransitionCause {
    /// The cause's name in logs, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Timeout => "timeout",
            Self::Escalated => "escalated",
        }
    }
}

/// What the machine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Nothing.
    Stayed,
    /// Moved to another phase.
    Moved {
        /// The phase that ended.
        from: Phase,
        /// The phase that began.
        to: Phase,
        /// Why.
        cause: TransitionCause,
    },
    /// Nothing is in flight any more, or it was dropped: the stop hooks run now.
    Emptied {
        /// Why the last phase ended.
        cause: TransitionCause,
    },
    /// The time of the hooks is over: those that still run are dropped.
    HooksCut {
        /// Why.
        cause: TransitionCause,
    },
}

/// Decides which phase follows, and when.
///
/// Every method is a function of its arguments. The caller has the clock and does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    timeouts: StopTimeouts,
    phase: Phase,
    /// When the stop began.
    began: Option<Instant>,
    /// When draining began, or a later phase that skipped it.
    drained_since: Option<Instant>,
    /// When cancelling began.
    cancelled_since: Option<Instant>,
    /// When the stop was forced.
    forced_since: Option<Instant>,
    /// When the phase began.
    since: Instant,
    /// When the last request came in lame duck.
    busy: Instant,
    /// Whether the stop hooks run or have run.
    emptied: bool,
}

impl Machine {
    /// Makes a machine in [`Phase::Starting`].
    #[must_use]
    pub const fn new(timeouts: StopTimeouts, now: Instant) -> Self {
        Self {
            timeouts,
            phase: Phase::Starting,
            began: None,
            drained_since: None,
            cancelled_since: None,
            forced_since: None,
            since: now,
            busy: now,
            emptied: false,
        }
    }

    /// The current phase.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the stop hooks run, or have run.
    #[must_use]
    pub const fn is_emptied(&self) -> bool {
        self.emptied
    }

    /// When an [`Event::Tick`] is needed at the latest, if at all.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        let timeouts = &self.timeouts;
        if self.emptied && self.phase != Phase::Stopped {
            return self.began.map(|began| later(began, timeouts.total()));
        }
        match self.phase {
            Phase::LameDuck => {
                let max = later(self.since, timeouts.lame_duck_max());
                let min = later(self.since, timeouts.lame_duck());
                let quiet = later(self.busy, timeouts.quiet());
                Some(min.max(quiet).min(max))
            }
            Phase::Draining => Some(later(self.since, timeouts.drain())),
            Phase::Cancelling => Some(later(self.since, timeouts.cancel())),
            Phase::Forced => Some(later(self.since, timeouts.force())),
            Phase::Starting | Phase::Running | Phase::Stopped => None,
        }
    }

    /// When the phases of the stop end at the latest, or when they ended.
    ///
    /// Known from the first moment of a stop. Each deadline can only come earlier than it was said
    /// before, because a phase can end before its timeout.
    #[must_use]
    pub fn deadlines(&self) -> StopDeadlines {
        let timeouts = &self.timeouts;
        if !self.phase.is_stopping() {
            return StopDeadlines::new();
        }
        let draining_at = self.drained_since.unwrap_or_else(|| {
            // Still lame duck.
            later(self.since, timeouts.lame_duck_max())
        });
        let cancelling_at =
            self.cancelled_since.unwrap_or_else(|| later(draining_at, timeouts.drain()));
        let forced_at =
            self.forced_since.unwrap_or_else(|| later(cancelling_at, timeouts.cancel()));
        StopDeadlines {
            draining_at: Some(draining_at),
            accept_queue_until: Some(later(draining_at, timeouts.accept_queue())),
            cancelling_at: Some(cancelling_at),
            // A handler that was dropped has an answer to write: its connection gets a moment.
            abort_at: Some(later(forced_at, timeouts.force() / 4)),
        }
    }

    /// Takes in what happened at `now`, and returns the new machine and what it did.
    ///
    /// An event without a meaning in the current phase changes nothing.
    #[must_use]
    pub fn step(mut self, event: Event, now: Instant) -> (Self, Step) {
        let step = self.take(event, now);
        (self, step)
    }

    fn take(&mut self, event: Event, now: Instant) -> Step {
        if self.emptied {
            return self.take_emptied(event, now);
        }
        match (self.phase, event) {
            (Phase::Starting, Event::Started) => {
                self.enter(Phase::Running, TransitionCause::Event, now)
            }
            (Phase::Starting | Phase::Running, Event::Begin { lame_duck }) => {
                self.began = Some(now);
                // Before the start is over the server serves nothing, but clients may wait in the
                // accept queue of a bound listener. They are rejected, not reset.
                let skip = self.phase == Phase::Starting
                    || !lame_duck
                    || self.timeouts.lame_duck_max().is_zero();
                let to = if skip { Phase::Draining } else { Phase::LameDuck };
                self.enter(to, TransitionCause::Event, now)
            }
            (Phase::LameDuck, Event::CancelStop) => {
                self.began = None;
                self.enter(Phase::Running, TransitionCause::Event, now)
            }
            (Phase::LameDuck, Event::Busy) => {
                self.busy = now;
                Step::Stayed
            }
            (Phase::LameDuck | Phase::Draining, Event::Escalate) => {
                self.enter(Phase::Cancelling, TransitionCause::Escalated, now)
            }
            (Phase::Cancelling, Event::Escalate) => {
                self.enter(Phase::Forced, TransitionCause::Escalated, now)
            }
            (Phase::Draining | Phase::Cancelling | Phase::Forced, Event::Idle) => {
                self.empty(TransitionCause::Event)
            }
            (_, Event::Tick) if self.wake_at().is_some_and(|at| now >= at) => self.expire(now),
            _ => Step::Stayed,
        }
    }

    fn take_emptied(&mut self, event: Event, now: Instant) -> Step {
        match event {
            Event::HooksDone => self.enter(Phase::Stopped, TransitionCause::Event, now),
            Event::Escalate => Step::HooksCut { cause: TransitionCause::Escalated },
            Event::Tick if self.wake_at().is_some_and(|at| now >= at) => {
                Step::HooksCut { cause: TransitionCause::Timeout }
            }
            _ => Step::Stayed,
        }
    }

    /// The phase's timeout is over.
    ///
    /// The next phase begins when this one was to end, not when the caller looked: a late tick
    /// moves no deadline.
    fn expire(&mut self, now: Instant) -> Step {
        let now = self.wake_at().map_or(now, |at| at.min(now));
        match self.phase {
            Phase::LameDuck => self.enter(Phase::Draining, TransitionCause::Timeout, now),
            Phase::Draining => self.enter(Phase::Cancelling, TransitionCause::Timeout, now),
            Phase::Cancelling => self.enter(Phase::Forced, TransitionCause::Timeout, now),
            _ => self.empty(TransitionCause::Timeout),
        }
    }

    const fn enter(&mut self, to: Phase, cause: TransitionCause, now: Instant) -> Step {
        let from = self.phase;
        self.phase = to;
        self.since = now;
        self.busy = now;
        if to as u8 >= Phase::Draining as u8 && self.drained_since.is_none() {
            self.drained_since = Some(now);
        }
        match to {
            Phase::Cancelling => self.cancelled_since = Some(now),
            Phase::Forced => self.forced_since = Some(now),
            _ => {}
        }
        Step::Moved { from, to, cause }
    }

    const fn empty(&mut self, cause: TransitionCause) -> Step {
        self.emptied = true;
        Step::Emptied { cause }
    }
}

/// `at + timeout`. Timeouts are checked to be short, so the sum fits. If it did not, `at` is due.
fn later(at: Instant, timeout: Duration) -> Instant {
    at.checked_add(timeout).unwrap_or(at)
}
