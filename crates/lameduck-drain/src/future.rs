//! The future of a request that was let in or rejected.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;
use lameduck_core::plumbing::Kept;
use pin_project_lite::pin_project;

use crate::config::Config;

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
            // None: the response stays as it is, whatever the phase.
            config: Option<&'static Config>,
            by_header: bool,
        },
        // A kind of its own, so that the usual one has no reference count to look at.
        PassCounted {
            #[pin]
            inner: F,
            config: Arc<Config>,
            by_header: bool,
        },
        // Boxed, so that a rejection does not make the future of every request larger. Taken when
        // it is polled.
        Reject { response: Option<Box<Response<B>>> },
    }
}

impl<F, B> DrainFuture<F, B> {
    /// Lets a request in. Its client may be notified through a header, or only by the marker.
    #[inline]
    pub(crate) fn pass(inner: F, config: &'static Config, by_header: bool) -> Self {
        // A response that nothing is to be added to need not ask for the phase.
        let config = config.may_notify(by_header).then_some(config);
        Self { kind: Kind::Pass { inner, config, by_header } }
    }

    /// Lets a request in, from wherever the configuration is kept.
    #[cold]
    pub(crate) fn pass_kept(inner: F, config: &Kept<Config>, by_header: bool) -> Self {
        match config {
            Kept::Leaked(config) => Self::pass(inner, config, by_header),
            Kept::Counted(config) => {
                Self { kind: Kind::PassCounted { inner, config: Arc::clone(config), by_header } }
            }
        }
    }

    #[cold]
    pub(crate) const fn reject(response: Box<Response<B>>) -> Self {
        Self { kind: Kind::Reject { response: Some(response) } }
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
            KindProj::Pass { inner, config: Some(config), by_header } if config.is_stopping() => {
                poll_last(inner, config, *by_header, cx)
            }
            KindProj::Pass { inner, .. } => inner.poll(cx),
            KindProj::PassCounted { inner, config, by_header } => {
                poll_counted(inner, config, *by_header, cx)
            }
            KindProj::Reject { response } => poll_rejected(response),
        }
    }
}

// Apart: a function that looks at a response copies it once more.
#[cold]
fn poll_last<F, B, E>(
    inner: Pin<&mut F>,
    config: &Config,
    by_header: bool,
    cx: &mut Context<'_>,
) -> Poll<F::Output>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    let mut polled = inner.poll(cx);
    if let Poll::Ready(Ok(response)) = &mut polled {
        config.notify(by_header, response);
    }
    polled
}

#[inline(never)]
fn poll_counted<F, B, E>(
    inner: Pin<&mut F>,
    config: &Config,
    by_header: bool,
    cx: &mut Context<'_>,
) -> Poll<F::Output>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    if config.is_stopping() { poll_last(inner, config, by_header, cx) } else { inner.poll(cx) }
}

#[cold]
fn poll_rejected<B, E>(response: &mut Option<Box<Response<B>>>) -> Poll<Result<Response<B>, E>> {
    match response.take() {
        Some(response) => Poll::Ready(Ok(*response)),
        // Polled after it was ready: a future may do anything then that does no harm.
        None => Poll::Pending,
    }
}

impl<F, B> fmt::Debug for DrainFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind } = self;
        let is_rejected = matches!(kind, Kind::Reject { .. });
        f.debug_struct("DrainFuture").field("is_rejected", &is_rejected).finish_non_exhaustive()
    }
}
