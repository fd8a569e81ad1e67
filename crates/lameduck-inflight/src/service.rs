//! The service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{
    InFlight, InFlightBody, InFlightFuture,
    ledger::Record,
    shard::{Shard, SharedShard},
    ticket::Ticket,
};

/// Middleware that counts the requests its inner service is still working on. See the
/// [crate docs](crate).
#[derive(Debug)]
#[must_use = "services do nothing unless called"]
pub struct InFlightService<S> {
    inner: S,
    shard: SharedShard,
}

impl<S> InFlightService<S> {
    /// Counts with `in_flight` what `inner` works on.
    pub fn new(inner: S, in_flight: &InFlight) -> Self {
        Self { inner, shard: in_flight.nearest() }
    }

    /// Apart, so that a request that is not listed is handed on without a copy of its own.
    #[cold]
    #[inline(never)]
    fn call_listed<B>(
        &mut self,
        mut request: Request<B>,
        mut ticket: Ticket,
    ) -> InFlightFuture<S::Future>
    where
        S: Service<Request<B>>,
    {
        ticket.list(Record::of_request(&request));
        if let Some(entry) = ticket.entry() {
            request.extensions_mut().insert(entry);
        }
        InFlightFuture::new(self.inner.call(request), ticket)
    }

    /// A reference to the inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// A mutable reference to the inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone> Clone for InFlightService<S> {
    // By hand: servers clone the service for each request, on the thread that will work on it.
    // The clone counts in that thread's shard, so that threads share no line they write to, not
    // even a reference count.
    #[inline]
    fn clone(&self) -> Self {
        let Self { inner, shard } = self;
        Self { inner: inner.clone(), shard: Shard::nearest(shard) }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for InFlightService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<InFlightBody<ResBody>>;
    type Error = S::Error;
    type Future = InFlightFuture<S::Future>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // Counted first: a panic in `call` drops the ticket, and the count stays true.
        let ticket = Ticket::new(Arc::clone(&self.shard), request.method());
        if ticket.has_ledger() {
            return self.call_listed(request, ticket);
        }
        InFlightFuture::new(self.inner.call(request), ticket)
    }
}
