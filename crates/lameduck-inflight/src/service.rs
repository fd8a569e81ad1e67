//! The service.

use std::{
    fmt,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use lameduck_core::plumbing::inner_accessors;
use tower_service::Service;

use crate::{
    InFlight, InFlightBody, InFlightFuture,
    ledger::Current,
    request_guard::{Entered, RequestGuard},
    shard::Shard,
};

/// Middleware that counts the requests its inner service is still working on. See the
/// [crate docs](crate).
#[derive(Clone)]
#[must_use = "services do nothing unless called"]
pub struct InFlightService<S> {
    inner: S,
    in_flight: InFlight,
}

impl<S> InFlightService<S> {
    /// Counts with `in_flight` what `inner` works on.
    pub const fn new(inner: S, in_flight: InFlight) -> Self {
        Self { inner, in_flight }
    }

    /// Counts a request of which the count looks at more than that it is there.
    #[inline]
    fn call_observed<B>(
        &mut self,
        shard: &'static Shard,
        request: Request<B>,
    ) -> InFlightFuture<S::Future>
    where
        S: Service<Request<B>>,
    {
        let Some(ledger) = shard.ledger() else {
            let guard = RequestGuard::observed(shard, request.method());
            return InFlightFuture::new(self.inner.call(request), guard);
        };
        let (guard, line) = RequestGuard::listed(shard, ledger, &request);
        let _current = Current::enter(line);
        InFlightFuture::new(self.inner.call(request), guard)
    }

    inner_accessors!(inner: S, "service");
}

impl<S: fmt::Debug> fmt::Debug for InFlightService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, in_flight: _ } = self;
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
        let shard = self.in_flight.nearest();
        if shard.only_counts() {
            // Counted first: a panic in `call` drops this, and the count stays true.
            let entered = Entered::new(shard);
            let inner = self.inner.call(request);
            return InFlightFuture::new(inner, entered.into_guard());
        }
        self.call_observed(shard, request)
    }
}
