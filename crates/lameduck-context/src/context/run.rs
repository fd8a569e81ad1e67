//! Work that is dropped when its context is cancelled.

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use lameduck_core::Phase;
use pin_project_lite::pin_project;
use tokio::task::unconstrained;

use super::current::Scope;
use crate::{CancelReason, RequestContext};

/// Completes with the reason why the work has to end.
type End = Pin<Box<dyn Future<Output = CancelReason> + Send>>;

/// What ends the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndsAt {
    /// Its context is cancelled.
    Cancelled,
    /// The stop is forced.
    Forced,
}

pin_project! {
    /// Work that is dropped when its context is cancelled. Made by [`RequestContext::run`].
    ///
    /// # Panics
    ///
    /// If it is polled after it has completed.
    #[must_use = "futures do nothing unless polled"]
    pub struct RunUntilCancelled<F> {
        // Taken to drop the work in its own scope.
        #[pin]
        work: Option<F>,
        context: Option<RequestContext>,
        // Made when the work first waits.
        end: Option<End>,
        ends_at: EndsAt,
    }

    impl<F> PinnedDrop for RunUntilCancelled<F> {
        fn drop(this: Pin<&mut Self>) {
            this.drop_work();
        }
    }
}

impl<F> RunUntilCancelled<F> {
    pub(super) const fn new(work: F, context: RequestContext) -> Self {
        Self { work: Some(work), context: Some(context), end: None, ends_at: EndsAt::Cancelled }
    }

    /// Work that only a forced stop ends.
    pub(super) const fn until_forced(work: F, context: RequestContext) -> Self {
        Self { work: Some(work), context: Some(context), end: None, ends_at: EndsAt::Forced }
    }

    /// The work's context.
    #[cfg(feature = "client")]
    pub(crate) const fn context(&self) -> Option<&RequestContext> {
        self.context.as_ref()
    }

    /// Drops the work, which may still ask for its context and for the reason.
    fn drop_work(self: Pin<&mut Self>) {
        let mut this = self.project();
        let scope = Scope::enter(this.context);
        this.work.set(None);
        scope.exit();
        *this.end = None;
    }
}

impl<F: Future> Future for RunUntilCancelled<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let Some(work) = this.work.as_pin_mut() else {
            panic!("`RunUntilCancelled` polled after it has completed");
        };
        let scope = Scope::enter(this.context);
        let polled = work.poll(cx);
        scope.exit();
        if let Poll::Ready(output) = polled {
            self.drop_work();
            return Poll::Ready(Ok(output));
        }
        let Some(context) = this.context else { return Poll::Pending };
        let end = this.end.get_or_insert_with(|| end_of(context.clone(), *this.ends_at));
        // Without a budget: work that has used up its task's must not escape its end.
        let Poll::Ready(reason) = Pin::new(&mut unconstrained(end)).poll(cx) else {
            return Poll::Pending;
        };
        self.drop_work();
        Poll::Ready(Err(Cancelled { reason }))
    }
}

fn end_of(context: RequestContext, ends_at: EndsAt) -> End {
    Box::pin(async move {
        match (ends_at, context.state().phase()) {
            (EndsAt::Cancelled, _) => context.cancelled().await,
            (EndsAt::Forced, Some(phase)) => {
                phase.reached(Phase::Forced).await;
                CancelReason::Shutdown
            }
            (EndsAt::Forced, None) => std::future::pending().await,
        }
    })
}

impl<F> fmt::Debug for RunUntilCancelled<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { work, context, end: _, ends_at } = self;
        f.debug_struct("RunUntilCancelled")
            .field("completed", &work.is_none())
            .field("context", context)
            .field("ends_at", ends_at)
            .finish_non_exhaustive()
    }
}

/// The error of work that was dropped because its context was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    reason: CancelReason,
}

impl Cancelled {
    /// Why the context was cancelled.
    #[must_use]
    pub const fn reason(&self) -> CancelReason {
        self.reason
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the work was cancelled: {}", self.reason)
    }
}

impl Error for Cancelled {}
