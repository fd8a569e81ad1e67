//! What was triggered, in order.

use std::{
    borrow::Cow,
    fmt,
    future::{self, Future},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::mpsc;

use crate::{
    Escalation, Signal, StopCause, StopRequest, TriggerHandle, last_resort::LastResort,
    os::Listener,
};

pub(crate) type Reload = Box<dyn FnMut() + Send>;
pub(crate) type NamedFuture = (Cow<'static, str>, Pin<Box<dyn Future<Output = ()> + Send>>);

/// What [`Signals::install`](crate::Signals::install) has put in place.
pub(crate) struct Parts {
    pub(crate) stop: Vec<(Signal, Listener)>,
    pub(crate) reload: Vec<(Signal, Listener, Reload)>,
    pub(crate) futures: Vec<NamedFuture>,
    pub(crate) handle: TriggerHandle,
    pub(crate) named: mpsc::Receiver<Cow<'static, str>>,
    pub(crate) has_terminal: bool,
    pub(crate) last_resort: Option<LastResort>,
}

/// The triggers of a process, one after the other, each with the stage it leads to.
///
/// Made by [`Signals::install`](crate::Signals::install). Has one owner, who waits in a loop;
/// dropping it does not give the signals their default action back.
#[must_use = "a trigger does nothing unless somebody waits for it"]
pub struct Triggers {
    parts: Parts,
    reached: Option<Escalation>,
}

impl Triggers {
    pub(crate) const fn new(parts: Parts) -> Self {
        Self { parts, reached: None }
    }

    /// A handle with which the program itself can ask for a stop.
    #[must_use]
    pub fn handle(&self) -> TriggerHandle {
        self.parts.handle.clone()
    }

    /// The stage that was reached, if a stop was asked for.
    #[must_use]
    pub const fn stage(&self) -> Option<Escalation> {
        self.reached
    }

    /// Begins again at the first stage: the stop was called off.
    pub fn reset(&mut self) {
        self.reached = None;
        if let Some(last_resort) = &mut self.parts.last_resort {
            last_resort.reset();
        }
    }

    /// Waits for the next trigger, and raises the stage.
    ///
    /// Signals come first, then handles, then futures, in the order in which they were given. May
    /// be called again and again: after the third stage it stays the third.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe: a trigger is taken only when it is returned.
    pub async fn next(&mut self) -> StopRequest {
        future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`next`](Self::next), for a future written by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<StopRequest> {
        self.parts.poll_reload(cx);
        let Poll::Ready(cause) = self.parts.poll_cause(cx) else { return Poll::Pending };
        let stage = Escalation::after(self.reached);
        self.reached = Some(stage);
        Poll::Ready(StopRequest::new(stage, cause))
    }
}

impl Parts {
    fn poll_reload(&mut self, cx: &mut Context<'_>) {
        for (_, listener, reload) in &mut self.reload {
            // Until it is pending, so that the next signal wakes the task.
            while listener.poll(cx).is_ready() {
                // The stop signals are heard on the same task: they must outlive it.
                let _ = catch_unwind(AssertUnwindSafe(&mut *reload));
            }
        }
    }

    fn poll_cause(&mut self, cx: &mut Context<'_>) -> Poll<StopCause> {
        for (signal, listener) in &mut self.stop {
            if listener.poll(cx).is_ready() {
                if let Some(last_resort) = &mut self.last_resort {
                    last_resort.hear(*signal);
                }
                return Poll::Ready(StopCause::of_signal(*signal, self.has_terminal));
            }
        }
        // Never closed: `self` holds a sender.
        if let Poll::Ready(Some(name)) = self.named.poll_recv(cx) {
            return Poll::Ready(StopCause::named(name));
        }
        for index in 0..self.futures.len() {
            if self.futures[index].1.as_mut().poll(cx).is_ready() {
                // Removed, as a future that has completed must not be polled again.
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
        let Parts { stop, reload, futures, handle: _, named: _, has_terminal, last_resort } = parts;
        let stop: Vec<_> = stop.iter().map(|(signal, _)| signal).collect();
        let reload: Vec<_> = reload.iter().map(|(signal, ..)| signal).collect();
        let futures: Vec<_> = futures.iter().map(|(name, _)| name).collect();
        f.debug_struct("Triggers")
            .field("reached", reached)
            .field("stop", &stop)
            .field("reload", &reload)
            .field("futures", &futures)
            .field("has_terminal", has_terminal)
            .field("last_resort", &last_resort.is_some())
            .finish_non_exhaustive()
    }
}
