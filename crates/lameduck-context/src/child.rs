//! Contexts for a part of a request: cancelled with it, and before it.

use std::{
    error::Error,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::OnceLock,
    task::{Context, Poll},
    time::Duration,
};

use http::HeaderMap;
use lameduck_core::Phase;
use pin_project_lite::pin_project;
use tokio::{
    task::unconstrained,
    time::{Instant, sleep_until},
};

use crate::{
    Reason, RequestContext,
    alarm::from_now,
    answer::Client,
    more::{More, Parent},
    scope::Scope,
    shared::Shared,
};

/// Completes with the reason why the work has to end.
type Ended = Pin<Box<dyn Future<Output = Reason> + Send>>;

impl RequestContext {
    /// Makes a context for a part of the work: cancelled with this one, and once `fraction` of what
    /// is [left](Self::remaining) is over. It has this one's id, trace and values.
    ///
    /// Without a deadline here there is none there. A fraction below 0, or that is not a number, is
    /// 0; one above 1 is 1.
    ///
    /// ```no_run
    /// # #![allow(dead_code)]
    /// # use lameduck_context::RequestContext;
    /// # async fn ask_the_fast_one() {}
    /// # async fn ask_the_slow_one() {}
    /// # async fn handler(context: RequestContext) {
    /// // If the fast one has not answered in half of the time, the other half is the slow one's.
    /// if context.child(0.5).run(ask_the_fast_one()).await.is_err() {
    ///     ask_the_slow_one().await;
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn child(&self, fraction: f64) -> Self {
        let at = self.remaining().map(|left| from_now(part(left, fraction)));
        self.make_child(at, true)
    }

    /// As [`child`](Self::child), with a limit of its own: it never lies after the deadline of this
    /// one.
    #[must_use]
    pub fn child_within(&self, limit: Duration) -> Self {
        let at = from_now(limit);
        // The end of the drain is not kept: a stop may be called off, and is looked up each time.
        let own = self.shared().deadline();
        self.make_child(Some(own.map_or(at, |own| own.min(at))), true)
    }

    /// Runs a part of the work, which is dropped as soon as this context is cancelled.
    ///
    /// The work is polled first: if it is ready in the same tick, it wins. Inside,
    /// [`current`](Self::current) is this context.
    ///
    /// # Errors
    ///
    /// Why the work was dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the work.
    pub fn run<F: Future>(&self, work: F) -> Run<F> {
        Run { work: Some(work), context: Some(self.clone()), ended: None, ends: Ends::Cancelled }
    }

    /// A layer inside another's: what is known there is known here, and no deadline is put off. An
    /// id that came with the request stays.
    pub(crate) fn inherit(&mut self, outer: &Self, headers: &HeaderMap) {
        let at = outer.shared().deadline();
        let Some(shared) = self.shared_mut() else { return };
        let policy = shared.config().id.as_ref().filter(|id| id.inbound);
        if policy.is_some_and(|id| !headers.contains_key(&id.header)) {
            shared.take_over_id(outer.request_id_header());
        }
        let at = at.filter(|at| shared.deadline().is_none_or(|own| *at < own));
        if let Some(at) = at {
            shared.deadline = OnceLock::from(at);
        }
        let (context, is_shorter) = (outer.clone(), at.is_some());
        shared.more_mut().parent = Some(Parent { context, is_followed: true, is_shorter });
    }

    pub(crate) fn make_child(&self, at: Option<Instant>, is_followed: bool) -> Self {
        let mut shared = Shared::default();
        let id = self.request_id_header().cloned();
        shared.begin(self.shared().config(), id, Client::default());
        if let Some(at) = at {
            let _ = shared.deadline.set(at);
        }
        let parent = Some(Parent { context: self.clone(), is_followed, is_shorter: false });
        let _ = shared.more.set(Box::new(More { parent, is_child: true, ..More::default() }));
        Self::new(shared)
    }
}

fn part(left: Duration, fraction: f64) -> Duration {
    // Not a number is neither more nor less than zero.
    let fraction = if fraction > 0.0 { fraction.min(1.0) } else { 0.0 };
    Duration::try_from_secs_f64(left.as_secs_f64() * fraction).unwrap_or(left).min(left)
}

/// Completes when a context that was made in another is cancelled. As
/// [`RequestContext::cancelled`], which has no other context and no clock to look at.
pub(crate) fn cancelled<'a>(
    context: &'a RequestContext,
    parent: &'a Parent,
) -> Pin<Box<dyn Future<Output = Reason> + Send + 'a>> {
    Box::pin(async move {
        let shared = context.shared();
        let mut own = pin!(shared.cancelled().notified());
        let mut phase = shared.phase().map(|phase| phase.reached(Phase::Cancelling));
        let mut over = pin!(shared.deadline().map(sleep_until));
        let mut parents = pin!(parent.is_followed.then(|| parent.context.cancelled()));
        let reason = poll_fn(|cx| {
            // Each enters a list; the reason is read after that, so that a change that comes
            // between the two is not missed.
            let _ = own.as_mut().poll(cx);
            if let Some(phase) = &mut phase {
                let _ = Pin::new(phase).poll(cx);
            }
            if let Some(over) = over.as_mut().as_pin_mut() {
                let _ = Pin::new(&mut unconstrained(over)).poll(cx);
            }
            if parents.as_mut().as_pin_mut().is_some_and(|parents| parents.poll(cx).is_ready()) {
                // It must not be polled again, which happens if this context is finished: the
                // reason of its parent is then not its own.
                parents.set(None);
            }
            context.reason().map_or(Poll::Pending, Poll::Ready)
        });
        reason.await
    })
}

/// What ends work that goes on beside its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// Its context is cancelled.
    Cancelled,
    /// The server is forced to stop.
    Forced,
}

pin_project! {
    /// Work in a context. Made by [`RequestContext::run`].
    ///
    /// # Panics
    ///
    /// If it is polled after it has completed.
    #[must_use = "futures do nothing unless polled"]
    pub struct Run<F> {
        // Taken to drop the work in its own scope.
        #[pin]
        work: Option<F>,
        context: Option<RequestContext>,
        // Made when the work first waits.
        ended: Option<Ended>,
        ends: Ends,
    }

    impl<F> PinnedDrop for Run<F> {
        fn drop(this: Pin<&mut Self>) {
            this.drop_work();
        }
    }
}

impl<F> Run<F> {
    pub(crate) const fn until_forced(work: F, context: RequestContext) -> Self {
        Self { work: Some(work), context: Some(context), ended: None, ends: Ends::Forced }
    }

    /// The work's context.
    #[cfg(feature = "client")]
    pub(crate) const fn context(&self) -> Option<&RequestContext> {
        self.context.as_ref()
    }

    /// Drops the work, which may still ask for its context and why this happens.
    fn drop_work(self: Pin<&mut Self>) {
        let mut this = self.project();
        let scope = Scope::enter(this.context);
        this.work.set(None);
        scope.exit();
        *this.ended = None;
    }
}

impl<F: Future> Future for Run<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let Some(work) = this.work.as_pin_mut() else {
            panic!("`Run` polled after it has completed");
        };
        let scope = Scope::enter(this.context);
        let polled = work.poll(cx);
        scope.exit();
        if let Poll::Ready(output) = polled {
            self.drop_work();
            return Poll::Ready(Ok(output));
        }
        let Some(context) = this.context else { return Poll::Pending };
        let ended = this.ended.get_or_insert_with(|| end_of(context.clone(), *this.ends));
        // Without a budget: work that has used up its task's must not outrun its end.
        let Poll::Ready(reason) = Pin::new(&mut unconstrained(ended)).poll(cx) else {
            return Poll::Pending;
        };
        self.drop_work();
        Poll::Ready(Err(Cancelled { reason }))
    }
}

fn end_of(context: RequestContext, ends: Ends) -> Ended {
    Box::pin(async move {
        match (ends, context.shared().phase()) {
            (Ends::Cancelled, _) => context.cancelled().await,
            (Ends::Forced, Some(phase)) => {
                phase.reached(Phase::Forced).await;
                Reason::Shutdown
            }
            (Ends::Forced, None) => std::future::pending().await,
        }
    })
}

impl<F> fmt::Debug for Run<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { work, context, ended: _, ends } = self;
        f.debug_struct("Run")
            .field("completed", &work.is_none())
            .field("context", context)
            .field("ends", ends)
            .finish_non_exhaustive()
    }
}

/// The error of work that was dropped because its context was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    reason: Reason,
}

impl Cancelled {
    /// Why the context was cancelled.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the work was cancelled: {}", self.reason)
    }
}

impl Error for Cancelled {}
