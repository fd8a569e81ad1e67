//! The future of a request that was let in or turned away.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Response;
use pin_project_lite::pin_project;

use crate::{DrainBody, config::Config};

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
            // Where to look, when the answer leaves, whether its client is to be told.
            farewell: Option<Arc<Config>>,
            by_header: bool,
        },
        // Boxed, so that a refusal does not make the future of every request larger. Taken when
        // it is polled.
        Reject { response: Option<Box<Response<DrainBody<B>>>> },
    }
}

impl<F, B> DrainFuture<F, B> {
    #[inline]
    pub(crate) const fn pass(inner: F, farewell: Option<Arc<Config>>, by_header: bool) -> Self {
        Self { kind: Kind::Pass { inner, farewell, by_header } }
    }

    #[cold]
    pub(crate) fn reject(response: Response<DrainBody<B>>) -> Self {
        Self { kind: Kind::Reject { response: Some(Box::new(response)) } }
    }
}

impl<F, B, E> Future for DrainFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<DrainBody<B>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Pass { inner, farewell, by_header } => {
                let mut polled = inner.poll(cx);
                if let (Some(config), Poll::Ready(Ok(response))) = (farewell, &mut polled) {
                    // Now, not when the request came: the phase may have moved meanwhile.
                    let phase = config.watch.current();
                    if phase.is_leaving() {
                        config.say_farewell(phase, *by_header, response);
                    }
                }
                polled.map_ok(|response| response.map(DrainBody::inner))
            }
            KindProj::Reject { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(*response)),
                // Polled after it was ready, which a future may answer with anything but harm.
                None => Poll::Pending,
            },
        }
    }
}

impl<F, B> fmt::Debug for DrainFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind } = self;
        let is_rejected = matches!(kind, Kind::Reject { .. });
        f.debug_struct("DrainFuture").field("is_rejected", &is_rejected).finish_non_exhaustive()
    }
}
