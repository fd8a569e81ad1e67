//! Tasks that go on beside their handler: counted, named and ended.

use std::{
    any::Any,
    borrow::Cow,
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::task::{JoinError, JoinHandle};

use super::{
    current,
    run::{Cancelled, RunUntilCancelled},
};
use crate::{CancelReason, RequestContext};

/// The result of a task that [`RequestContext::spawn`] started.
///
/// To drop it changes nothing: the task goes on.
#[must_use = "use `drop` to say that the result is not needed"]
#[derive(Debug)]
pub struct Spawned<T> {
    handle: JoinHandle<Result<T, Cancelled>>,
}

impl<T: Send + 'static> Spawned<T> {
    /// Starts a task, which is counted as one of `context`.
    pub(super) fn start<F>(
        context: &RequestContext,
        name: Cow<'static, str>,
        work: RunUntilCancelled<F>,
    ) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        // Before the task is spawned: the count does not fall to zero between the two.
        let guard = track(context, name);
        #[expect(clippy::disallowed_methods, reason = "the one place; counted, named and ended")]
        let handle = tokio::spawn(async move {
            let _guard = guard;
            work.await
        });
        Self { handle }
    }

    /// Runs work in `child` on a thread where it may block.
    pub(super) fn start_blocking(
        context: &RequestContext,
        name: Cow<'static, str>,
        child: RequestContext,
        work: impl FnOnce(&RequestContext) -> T + Send + 'static,
    ) -> Self {
        let guard = track(context, name);
        let handle = tokio::task::spawn_blocking(move || {
            let _guard = guard;
            Ok(current::run_in(child.clone(), || work(&child)))
        });
        Self { handle }
    }
}

fn track(context: &RequestContext, name: Cow<'static, str>) -> Option<Box<dyn Any + Send>> {
    context.config().track.as_ref().map(|track| track(name))
}

impl<T> Spawned<T> {
    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Future for Spawned<T> {
    type Output = Result<T, SpawnError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.handle).poll(cx).map(|joined| match joined {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(cancelled)) => Err(SpawnError { kind: Kind::Cancelled(cancelled) }),
            Err(error) => Err(SpawnError { kind: Kind::Lost(error) }),
        })
    }
}

/// The error of a task that has no result.
#[derive(Debug)]
pub struct SpawnError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Cancelled(Cancelled),
    Lost(JoinError),
}

impl SpawnError {
    /// Why the task was cancelled, if it was.
    #[must_use]
    pub const fn reason(&self) -> Option<CancelReason> {
        match &self.kind {
            Kind::Cancelled(cancelled) => Some(cancelled.reason()),
            Kind::Lost(_) => None,
        }
    }

    /// Whether the task has panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(&self.kind, Kind::Lost(error) if error.is_panic())
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Cancelled(cancelled) => cancelled.fmt(f),
            Kind::Lost(error) if error.is_panic() => f.write_str("the work panicked"),
            Kind::Lost(_) => f.write_str("the runtime ended before the work did"),
        }
    }
}

impl Error for SpawnError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Cancelled(_) => None,
            Kind::Lost(error) => Some(error),
        }
    }
}
