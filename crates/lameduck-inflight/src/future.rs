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
        let polled = this.inner.poll(cx);
        // Of an error nothing is handed over: its ticket is dropped as it is.
        let ticket = if polled.is_ready() { this.ticket.take() } else { None };
        polled.map_ok(|response| Ticket::attach_to(ticket, response))
    }
}
