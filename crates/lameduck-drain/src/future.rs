//! The future of a request that was let in or turned away.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use pin_project_lite::pin_project;

use crate::gate::Passed;

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
            passed: Passed,
        },
        // Boxed, so that a refusal does not make the future of every request larger. Taken when
        // it is polled.
        Reject { response: Option<Box<Response<B>>> },
    }
}

impl<F, B> DrainFuture<F, B> {
    #[inline]
    pub(crate) const fn pass(inner: F, passed: Passed) -> Self {
        Self { kind: Kind::Pass { inner, passed } }
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
            KindProj::Pass { inner, passed } if passed.is_stopping() => {
                poll_last(inner, passed, cx)
            }
            KindProj::Pass { inner, .. } => inner.poll(cx),
            KindProj::Reject { response } => poll_rejected(response),
        }
    }
}

// Apart: who looks at a response copies it once more.
#[cold]
fn poll_last<F, B, E>(inner: Pin<&mut F>, passed: &Passed, cx: &mut Context<'_>) -> Poll<F::Output>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    let mut polled = inner.poll(cx);
    if let Poll::Ready(Ok(response)) = &mut polled {
        passed.see_off(response);
    }
    polled
}

#[cold]
fn poll_rejected<B, E>(response: &mut Option<Box<Response<B>>>) -> Poll<Result<Response<B>, E>> {
    match response.take() {
        Some(response) => Poll::Ready(Ok(*response)),
        // Polled after it was ready, which a future may answer with anything but harm.
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
