//! The response future.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use crate::{InFlightBody, ticket::Ticket};

pin_project! {
    /// The response future of [`InFlightService`](crate::InFlightService).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InFlightFuture<F> {
        // Before the ticket: what the handler still does in its destructors is in flight too.
        #[pin]
        inner: F,
        // Taken when the body takes over.
        ticket: Option<Ticket>,
    }
}

impl<F> InFlightFuture<F> {
    #[inline]
    pub(crate) const fn new(inner: F, ticket: Ticket) -> Self {
        Self { inner, ticket: Some(ticket) }
    }
}

impl<F, B, E> Future for InFlightFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<InFlightBody<B>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.inner.poll(cx) {
            Poll::Ready(Ok(response)) => {
                Poll::Ready(Ok(match this.ticket.take() {
                    Some(ticket) => ticket.attach_to(response),
                    // Polled once too often.
                    None => response.map(|body| InFlightBody::new(body, None)),
                }))
            }
            Poll::Ready(Err(error)) => {
                *this.ticket = None;
                Poll::Ready(Err(error))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
