//! Work that goes on beside its handler: counted, named, and told.

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

use crate::{Cancelled, Reason, RequestContext, child::Run};

impl RequestContext {
    /// Spawns work that may outlive its handler, but not its request's reasons to end: it is
    /// dropped when the client leaves, at the request's deadline and when the server cancels.
    ///
    /// It goes on when the answer is complete, until the request's deadline, if that has one. It is
    /// counted under `name`, if the layer has a [tracker](crate::ContextLayer::with_tracker), from
    /// before this returns until after it is dropped. Inside,
    /// [`current`](Self::current) is a context of its own, with this one's id, trace and values.
    ///
    /// What is returned is the work's end; to drop it changes nothing.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, work: F) -> Spawned<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let child = self.make_child(self.shared().deadline(), true);
        self.start(name.into(), child.run(work))
    }

    /// Spawns work that its request does not end: neither a client that leaves nor a deadline. For
    /// what has to be done once it was begun.
    ///
    /// It is counted as [spawned](Self::spawn) work is, and told of a stop: its own context is
    /// cancelled when the server cancels, and it is dropped when the server is forced to stop.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime.
    pub fn detach<F>(&self, name: impl Into<Cow<'static, str>>, work: F) -> Spawned<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let child = self.make_child(None, false);
        self.start(name.into(), Run::until_forced(work, child))
    }

    /// Runs `work` on a thread where it may block. It cannot be dropped: it has to look, with
    /// [`is_cancelled`](Self::is_cancelled), which is cheap enough for a loop.
    ///
    /// It is counted as [spawned](Self::spawn) work is, until it returns.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime.
    pub fn spawn_blocking<F, T>(&self, name: impl Into<Cow<'static, str>>, work: F) -> Spawned<T>
    where
        F: FnOnce(&Self) -> T + Send + 'static,
        T: Send + 'static,
    {
        let child = self.make_child(self.shared().deadline(), true);
        let guard = self.track(name.into());
        let handle = tokio::task::spawn_blocking(move || {
            let _guard = guard;
            Ok(child.clone().while_current(|| work(&child)))
        });
        Spawned { handle }
    }

    fn start<F>(&self, name: Cow<'static, str>, run: Run<F>) -> Spawned<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        // Before it is spawned: the count does not fall to zero between the two.
        let guard = self.track(name);
        #[expect(clippy::disallowed_methods, reason = "the one place; counted, named and ended")]
        let handle = tokio::spawn(async move {
            let _guard = guard;
            run.await
        });
        Spawned { handle }
    }

    fn track(&self, name: Cow<'static, str>) -> Option<Box<dyn Any + Send>> {
        self.config().track.as_ref().map(|track| track(name))
    }
}

/// The end of work that was spawned. Made by [`RequestContext::spawn`].
///
/// Dropping it changes nothing: the work goes on.
#[must_use = "or say with `drop` that its end is nobody's concern"]
#[derive(Debug)]
pub struct Spawned<T> {
    handle: JoinHandle<Result<T, Cancelled>>,
}

impl<T> Spawned<T> {
    /// Whether the work has ended.
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

/// The error of spawned work that did not come to its end.
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
    /// Why the work was cancelled, if it was.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match &self.kind {
            Kind::Cancelled(cancelled) => Some(cancelled.reason()),
            Kind::Lost(_) => None,
        }
    }

    /// Whether the work has panicked.
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
