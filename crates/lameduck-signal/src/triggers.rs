//! The triggers of a process, in the order in which they come.

use std::{
    borrow::Cow,
    fmt,
    future::{self, Future},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use tokio::sync::mpsc;

use crate::{
    Escalation, Signal, StopCause, StopRequest, TriggerHandle,
    listening::{TRIGGERS, end_process_if_unheard},
    memory::Memory,
};

/// What a user wants done for a signal that asks for no stop.
pub(crate) struct Reload {
    pub(crate) signal: Signal,
    pub(crate) signals: mpsc::Receiver<()>,
    pub(crate) call: Box<dyn FnMut() + Send>,
}

pub(crate) type NamedFuture = (Cow<'static, str>, Pin<Box<dyn Future<Output = ()> + Send>>);

/// What [`Signals::install`](crate::Signals::install) installs.
pub(crate) struct Parts {
    pub(crate) stop: Vec<Signal>,
    pub(crate) signals: mpsc::Receiver<StopCause>,
    pub(crate) reload: Vec<Reload>,
    pub(crate) futures: Vec<NamedFuture>,
    pub(crate) handle: TriggerHandle,
    pub(crate) named: mpsc::Receiver<Cow<'static, str>>,
    pub(crate) memory: Arc<Memory>,
}

/// The triggers of a process, one after the other, each with its escalation.
///
/// Made by [`Signals::install`](crate::Signals::install). Has one owner, which waits in a loop.
/// When it is dropped before a stop was asked for, and no other triggers wait in the process, a
/// stop signal ends the process a second later.
#[must_use = "triggers have no effect unless a task waits for them"]
pub struct Triggers {
    parts: Parts,
}

impl Triggers {
    pub(crate) fn new(parts: Parts) -> Self {
        TRIGGERS.fetch_add(1, Ordering::SeqCst);
        Self { parts }
    }

    /// A handle that lets the program itself ask for a stop.
    #[must_use]
    pub fn handle(&self) -> TriggerHandle {
        self.parts.handle.clone()
    }

    /// How often a stop was asked for, if it was.
    #[must_use]
    pub fn escalation(&self) -> Option<Escalation> {
        self.parts.memory.escalation()
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
        Poll::Ready(StopRequest::new(self.parts.memory.ask(), cause))
    }
}

impl Parts {
    fn poll_reload(&mut self, cx: &mut Context<'_>) {
        for Reload { signal: _, signals, call } in &mut self.reload {
            // Polled until it is pending, so that the next signal wakes the task.
            while let Poll::Ready(Some(())) = signals.poll_recv(cx) {
                // The same task waits for stop signals, so a panic must not end it.
                let _ = catch_unwind(AssertUnwindSafe(&mut *call));
            }
        }
    }

    fn poll_cause(&mut self, cx: &mut Context<'_>) -> Poll<StopCause> {
        // Never closed: the thread lives as long as the process.
        if let Poll::Ready(Some(cause)) = self.signals.poll_recv(cx) {
            return Poll::Ready(cause);
        }
        // Never closed: `self` holds a sender.
        if let Poll::Ready(Some(name)) = self.named.poll_recv(cx) {
            return Poll::Ready(StopCause::named(name));
        }
        for index in 0..self.futures.len() {
            let future = self.futures[index].1.as_mut();
            match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(Poll::Pending) => {}
                // Removed, because a future that has completed must not be polled again.
                Ok(Poll::Ready(())) => {
                    let (name, _) = self.futures.remove(index);
                    return Poll::Ready(StopCause::named(name));
                }
                // It triggers nothing any more. The others are polled in the next turn.
                Err(_) => {
                    drop(self.futures.remove(index));
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        Poll::Pending
    }
}

/// A signal that nothing took in ends the process, as it does without a handler.
impl Drop for Triggers {
    fn drop(&mut self) {
        TRIGGERS.fetch_sub(1, Ordering::SeqCst);
        self.parts.signals.close();
        let signal = self.parts.signals.try_recv().ok().and_then(|cause| cause.signal());
        if let Some(signal) = signal {
            end_process_if_unheard(signal, &self.parts.memory);
        }
    }
}

impl fmt::Debug for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parts } = self;
        let Parts { stop, signals: _, reload, futures, handle: _, named: _, memory } = parts;
        let reload: Vec<_> = reload.iter().map(|reload| reload.signal).collect();
        let futures: Vec<_> = futures.iter().map(|(name, _)| name).collect();
        f.debug_struct("Triggers")
            .field("escalation", &memory.escalation())
            .field("stop", stop)
            .field("reload", &reload)
            .field("futures", &futures)
            .finish_non_exhaustive()
    }
}
