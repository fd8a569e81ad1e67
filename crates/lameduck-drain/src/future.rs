//! The future of a request that was let in or rejected.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;
use pin_project_lite::pin_project;

use crate::{close_header::Closable, config::Config, shared::Shared};

pin_project! {
    /// Response future of [`DrainService`](crate::DrainService).
    #[must_use = "futures do nothing unless polled"]
    pub struct DrainFuture<F, B> {
        #[pin]
        kind: Kind<F, B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F, B> {
        Pass {
            #[pin]
            inner: F,
            notice: Notice,
        },
        // Boxed, so that what is rare does not make the future of every request larger.
        Rare { rare: Pin<Box<Rare<F, B>>> },
    }
}

pin_project! {
    #[project = RareProj]
    enum Rare<F, B> {
        // Let in behind a layer whose configuration is counted.
        Pass {
            #[pin]
            inner: F,
            config: Arc<Config>,
            closable: Closable,
        },
        // Taken when it is polled.
        Reject { response: Option<Response<B>> },
    }
}

/// How the client of a request that was let in is asked to leave, if its response is ready then.
// One field of the future and not two: it is moved in one piece.
pub(crate) struct Notice {
    pub(crate) shared: &'static Shared,
    pub(crate) closable: Closable,
}

impl<F, B> DrainFuture<F, B> {
    /// Lets a request in, behind a layer whose configuration is leaked.
    #[inline]
    pub(crate) const fn pass(inner: F, notice: Notice) -> Self {
        Self { kind: Kind::Pass { inner, notice } }
    }

    /// Lets a request in, behind a layer whose configuration is counted.
    #[cold]
    pub(crate) fn pass_counted(inner: F, config: Arc<Config>, closable: Closable) -> Self {
        Self { kind: Kind::Rare { rare: Box::pin(Rare::Pass { inner, config, closable }) } }
    }

    #[cold]
    pub(crate) fn reject(response: Response<B>) -> Self {
        Self { kind: Kind::Rare { rare: Box::pin(Rare::Reject { response: Some(response) }) } }
    }
}

impl<F, B, E> Future for DrainFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Pass { inner, notice } if notice.shared.is_running() => inner.poll(cx),
            KindProj::Pass { inner, notice } => {
                poll_last(inner, notice.shared.leaked(), notice.closable, cx)
            }
            KindProj::Rare { rare } => poll_rare(rare.as_mut(), cx),
        }
    }
}

// Apart: a function that looks at a response copies it once more.
#[cold]
fn poll_last<F, B, E>(
    inner: Pin<&mut F>,
    config: Option<&Config>,
    closable: Closable,
    cx: &mut Context<'_>,
) -> Poll<F::Output>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    let mut polled = inner.poll(cx);
    if let (Poll::Ready(Ok(response)), Some(config)) = (&mut polled, config) {
        config.notify(closable, response);
    }
    polled
}

#[cold]
fn poll_rare<F, B, E>(rare: Pin<&mut Rare<F, B>>, cx: &mut Context<'_>) -> Poll<F::Output>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    match rare.project() {
        RareProj::Pass { inner, config, .. } if !config.is_stopping() => inner.poll(cx),
        RareProj::Pass { inner, config, closable } => poll_last(inner, Some(config), *closable, cx),
        RareProj::Reject { response } => match response.take() {
            Some(response) => Poll::Ready(Ok(response)),
            // Polled after it was ready: a future may do anything then that does no harm.
            None => Poll::Pending,
        },
    }
}

impl<F, B> fmt::Debug for DrainFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind } = self;
        let is_rejected = match kind {
            Kind::Pass { .. } => false,
            Kind::Rare { rare } => matches!(**rare, Rare::Reject { .. }),
        };
        f.debug_struct("DrainFuture").field("is_rejected", &is_rejected).finish_non_exhaustive()
    }
}
