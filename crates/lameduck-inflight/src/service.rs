//! The service.

use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::{
    InFlight, InFlightBody, InFlightFuture,
    count::Count,
    ledger::{Current, Ledger},
    shard::Shard,
    ticket::Ticket,
};

/// Middleware that counts the requests its inner service is still working on. See the
/// [crate docs](crate).
#[derive(Clone)]
#[must_use = "services do nothing unless called"]
pub struct InFlightService<S> {
    inner: S,
    count: &'static Count,
}

impl<S> InFlightService<S> {
    /// Counts with `in_flight` what `inner` works on.
    pub const fn new(inner: S, in_flight: &InFlight) -> Self {
        Self { inner, count: in_flight.shared() }
    }

    /// Counts with a ledger.
    #[inline]
    fn call_listed<B>(
        &mut self,
        shard: &'static Shard,
        ledger: &Ledger,
        request: Request<B>,
    ) -> InFlightFuture<S::Future>
    where
        S: Service<Request<B>>,
    {
        let (ticket, line) = Ticket::listed(shard, ledger, &request);
        let _current = Current::enter(line);
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

impl<S: fmt::Debug> fmt::Debug for InFlightService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, count: _ } = self;
        f.debug_struct("InFlightService").field("inner", inner).finish_non_exhaustive()
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

    // Not always: the compiler then copies the request first, which is 240 bytes and more.
    #[inline]
    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let shard = self.count.nearest();
        if let Some(ledger) = shard.ledger() {
            return self.call_listed(shard, ledger, request);
        }
        // Counted first: a panic in `call` drops the ticket, and the count stays true.
        let ticket = Ticket::new(shard, request.method());
        InFlightFuture::new(self.inner.call(request), ticket)
    }
}
