//! The triggers of a process, in the order in which they come.

use std::{
    borrow::Cow,
    fmt,
    future::{self, Future},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};

use crate::{
    Escalation, Signal, StopCause, StopRequest, TriggerHandle, fourth_signal::FourthSignal,
    os::Listener,
};

pub(crate) type Reload = Box<dyn FnMut() + Send>;
pub(crate) type NamedFuture = (Cow<'static, str>, Pin<Box<dyn Future<Output = ()> + Send>>);

/// What [`Signals::install`](crate::Signals::install) installs.
pub(crate) struct Parts {
    pub(crate) stop: Vec<StopSignal>,
    pub(crate) reload: Vec<(Signal, Listener, Reload)>,
    pub(crate) futures: Vec<NamedFuture>,
    pub(crate) handle: TriggerHandle,
    pub(crate) named: mpsc::Receiver<Cow<'static, str>>,
    pub(crate) has_terminal: bool,
    pub(crate) debounce: Option<Duration>,
    pub(crate) fourth_signal: Option<FourthSignal>,
}

/// A signal that asks for a stop.
pub(crate) struct StopSignal {
    pub(crate) signal: Signal,
    pub(crate) listener: Listener,
    /// When it last counted.
    pub(crate) last: Option<Instant>,
}

/// The triggers of a process, one after the other, each with its escalation.
///
/// Made by [`Signals::install`](crate::Signals::install). Has one owner, which waits in a loop.
/// Dropping it does not restore the default actions of the signals.
#[must_use = "triggers have no effect unless a task waits for them"]
pub struct Triggers {
    parts: Parts,
    reached: Option<Escalation>,
}

impl Triggers {
    pub(crate) const fn new(parts: Parts) -> Self {
        Self { parts, reached: None }
    }

    /// A handle that lets the program itself ask for a stop.
    #[must_use]
    pub fn handle(&self) -> TriggerHandle {
        self.parts.handle.clone()
    }

    /// How often a stop was asked for, if it was.
    #[must_use]
    pub const fn escalation(&self) -> Option<Escalation> {
        self.reached
    }

    /// Begins again at [`Escalation::First`]: the stop was cancelled.
    pub fn reset(&mut self) {
        self.reached = None;
        self.parts.stop.iter_mut().for_each(|stop| stop.last = None);
        if let Some(fourth) = &mut self.parts.fourth_signal {
            fourth.reset();
        }
    }

    /// Waits for the next trigger, and escalates.
    ///
    /// Signals come first, then handles, then futures, in the order in which they were given. After
    /// [`Escalation::Third`] every further trigger is the third as well.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. A trigger is removed only when it is returned.
    pub async fn next(&mut self) -> StopRequest {
        future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for use in a hand-written future.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<StopRequest> {
        self.parts.poll_reload(cx);
        let Poll::Ready(cause) = self.parts.poll_cause(cx) else { return Poll::Pending };
        let escalation = Escalation::after(self.reached);
        self.reached = Some(escalation);
        Poll::Ready(StopRequest::new(escalation, cause))
    }
}

impl Parts {
    fn poll_reload(&mut self, cx: &mut Context<'_>) {
        for (_, listener, reload) in &mut self.reload {
            // Polled until it is pending, so that the next signal wakes the task.
            while listener.poll(cx).is_ready() {
                // The same task listens for stop signals, so a panic must not end it.
                let _ = catch_unwind(AssertUnwindSafe(&mut *reload));
            }
        }
    }

    fn poll_cause(&mut self, cx: &mut Context<'_>) -> Poll<StopCause> {
        for StopSignal { signal, listener, last } in &mut self.stop {
            // Polled until it is pending, so that the next signal wakes the task.
            while listener.poll(cx).is_ready() {
                if let Some(fourth) = &mut self.fourth_signal {
                    fourth.count(*signal);
                }
                let cause = StopCause::of_signal(*signal, self.has_terminal);
                let is_echo = !cause.is_interactive()
                    && last.zip(self.debounce).is_some_and(|(last, time)| last.elapsed() < time);
                if !is_echo {
                    *last = Some(Instant::now());
                    return Poll::Ready(cause);
                }
            }
        }
        // The channel is never closed: `self` holds a sender.
        if let Poll::Ready(Some(name)) = self.named.poll_recv(cx) {
            return Poll::Ready(StopCause::named(name));
        }
        for index in 0..self.futures.len() {
            if self.futures[index].1.as_mut().poll(cx).is_ready() {
                // Removed, because a future that has completed must not be polled again.
                let (name, _) = self.futures.remove(index);
                return Poll::Ready(StopCause::named(name));
            }
        }
        Poll::Pending
    }
}

impl fmt::Debug for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parts, reached } = self;
        let Parts {
            stop,
            reload,
            futures,
            has_terminal,
            debounce,
            fourth_signal,
            handle: _,
            named: _,
        } = parts;
        let stop: Vec<_> = stop.iter().map(|stop| stop.signal).collect();
        let reload: Vec<_> = reload.iter().map(|(signal, ..)| signal).collect();
        let futures: Vec<_> = futures.iter().map(|(name, _)| name).collect();
        f.debug_struct("Triggers")
            .field("reached", reached)
            .field("stop", &stop)
            .field("reload", &reload)
            .field("futures", &futures)
            .field("has_terminal", has_terminal)
            .field("debounce", debounce)
            .field("exits_at_fourth_signal", &fourth_signal.is_some())
            .finish_non_exhaustive()
    }
}
