//! The phase machine. It has no clock and does no work: time is an argument, moves are results.

use std::time::{Duration, Instant};

use crate::{Phase, StopTimeouts};

/// What happened outside the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The start hooks are done.
    Started,
    /// A stop was asked for.
    Begin {
        /// Whether to go on serving for a while first. Nobody waits for a Ctrl-C.
        lame_duck: bool,
    },
    /// The stop is called off. Heard only while lame duck.
    CancelStop,
    /// Whoever asked for the stop asked again: go one step further, now.
    Escalate,
    /// A request came. Heard only while lame duck, where it puts off the quiet end.
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
    /// The event that the phase waits for came.
    Event,
    /// The phase's window was over.
    Window,
    /// Somebody asked again.
    Escalated,
}

impl TransitionCause {
    /// The cause's name in logs: lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Window => "window",
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
    /// Nothing is in flight any more (or it was dropped): the stop hooks are to run now.
    Emptied {
        /// Why the last phase ended.
        cause: TransitionCause,
    },
    /// The hooks' time is over: those that still run are to be dropped.
    HooksCut {
        /// Why.
        cause: TransitionCause,
    },
}

/// Decides which phase follows, and when.
///
/// Every method is a function of its arguments; the clock is the caller's, and so is the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    windows: StopTimeouts,
    phase: Phase,
    /// When the stop was asked for.
    began: Option<Instant>,
    /// When the phase began.
    since: Instant,
    /// When the last request came, while lame duck.
    busy: Instant,
    /// Whether the hooks run.
    emptied: bool,
}

impl Machine {
    /// Makes a machine in [`Phase::Starting`].
    #[must_use]
    pub const fn new(windows: StopTimeouts, now: Instant) -> Self {
        Self { windows, phase: Phase::Starting, began: None, since: now, busy: now, emptied: false }
    }

    /// The phase the machine is in.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the stop hooks run, or have run.
    #[must_use]
    pub const fn is_emptied(&self) -> bool {
        self.emptied
    }

    /// When a [`Event::Tick`] is needed at the latest, if at all.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        let windows = &self.windows;
        if self.emptied && self.phase != Phase::Stopped {
            return self.began.map(|began| later(began, windows.total()));
        }
        match self.phase {
            Phase::LameDuck => {
                let max = later(self.since, windows.lame_duck_max());
                let min = later(self.since, windows.lame_duck());
                let quiet = later(self.busy, windows.quiet());
                Some(min.max(quiet).min(max))
            }
            Phase::Draining => Some(later(self.since, windows.drain())),
            Phase::Cancelling => Some(later(self.since, windows.cancel())),
            Phase::Forced => Some(later(self.since, windows.force())),
            Phase::Starting | Phase::Running | Phase::Stopped => None,
        }
    }

    /// When draining begins at the latest, or when it began, if a stop is under way.
    #[must_use]
    pub fn draining_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::LameDuck => Some(later(self.since, self.windows.lame_duck_max())),
            Phase::Draining => Some(self.since),
            // A stop that skipped draining has it behind itself.
            Phase::Cancelling | Phase::Forced | Phase::Stopped => self.began,
            Phase::Starting | Phase::Running => None,
        }
    }

    /// When cancelling begins at the latest, if a stop is under way.
    #[must_use]
    pub fn cancelling_at(&self) -> Option<Instant> {
        let windows = &self.windows;
        match self.phase {
            Phase::LameDuck => self.draining_at().map(|at| later(at, windows.drain())),
            Phase::Draining => Some(later(self.since, windows.drain())),
            Phase::Cancelling | Phase::Forced | Phase::Stopped => Some(self.since),
            Phase::Starting | Phase::Running => None,
        }
    }

    /// Tells the machine what happened at `now`; returns what it became and what it did.
    ///
    /// An event that means nothing in the present phase changes nothing.
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
                // During the start nothing is served yet, but clients may wait in the queue of
                // a listener that is bound: they are turned away, not reset.
                let skip = self.phase == Phase::Starting
                    || !lame_duck
                    || self.windows.lame_duck_max().is_zero();
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
                Step::HooksCut { cause: TransitionCause::Window }
            }
            _ => Step::Stayed,
        }
    }

    /// The phase's window is over.
    fn expire(&mut self, now: Instant) -> Step {
        match self.phase {
            Phase::LameDuck => self.enter(Phase::Draining, TransitionCause::Window, now),
            Phase::Draining => self.enter(Phase::Cancelling, TransitionCause::Window, now),
            Phase::Cancelling => self.enter(Phase::Forced, TransitionCause::Window, now),
            _ => self.empty(TransitionCause::Window),
        }
    }

    const fn enter(&mut self, to: Phase, cause: TransitionCause, now: Instant) -> Step {
        let from = self.phase;
        self.phase = to;
        self.since = now;
        self.busy = now;
        Step::Moved { from, to, cause }
    }

    const fn empty(&mut self, cause: TransitionCause) -> Step {
        self.emptied = true;
        Step::Emptied { cause }
    }
}

/// `at + window`. Timeouts are checked to be short, so the sum fits; if it did not, `at` is due.
fn later(at: Instant, window: Duration) -> Instant {
    at.checked_add(window).unwrap_or(at)
}
