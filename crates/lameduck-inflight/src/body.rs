//! The response body.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::request_guard::RequestGuard;

pin_project! {
    /// The response body of [`InFlightService`](crate::InFlightService).
    ///
    /// Forwards frames, trailers, size hint and end of stream unchanged.
    #[derive(Debug)]
    pub struct InFlightBody<B> {
        // Before the guard: what the body still does in its destructor is in flight too.
        #[pin]
        inner: B,
        // Taken when the body ends, which may be long before it is dropped.
        guard: RequestGuard,
    }
}

impl<B> InFlightBody<B> {
    #[inline]
    pub(crate) const fn new(inner: B, guard: RequestGuard) -> Self {
        Self { inner, guard }
    }
}

impl<B: Body> Body for InFlightBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        match this.inner.as_mut().poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                // A server need not poll again to see the end.
                if this.inner.is_end_stream() {
                    this.guard.finish();
                } else {
                    this.guard.sent(frame.data_ref().map_or(0, Buf::remaining));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.guard.end();
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                this.guard.finish();
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    #[inline]
    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
