//! What a request carries from its arrival to the end of its body.

use std::fmt;

use http::{HeaderMap, Method, Request, Response, header};
use http_body::Body;
use lameduck_core::plumbing::{BodyRule, BytesOwed};

use crate::{
    RequestStage,
    ledger::{Ledger, Line},
    shard::Shard,
};

/// Holds the count up by one for one request, and knows how much of its answer is still to come.
///
/// Three words without a gap: it is moved with every response, and moves in one piece.
pub(crate) struct RequestGuard {
    /// `None` once the request is over, or the guard handed on.
    shard: Option<&'static Shard>,
    line: Option<&'static Line>,
    /// Nothing, when the guard is dropped, means finished; anything else means aborted. Always
    /// nothing, if the count does not detect aborted requests.
    owed: BytesOwed,
}

impl RequestGuard {
    /// Counts a request in, and observes how much of its answer is still to come.
    #[inline]
    pub(crate) fn observed(shard: &'static Shard, method: &Method) -> Self {
        shard.enter();
        Self::of_entered(shard, method)
    }

    /// Counts a request in, and lists it in the ledger.
    #[inline]
    pub(crate) fn listed<B>(
        shard: &'static Shard,
        ledger: &Ledger,
        request: &Request<B>,
    ) -> (Self, &'static Line) {
        let number = shard.enter();
        let mut guard = Self::of_entered(shard, request.method());
        // Into the ledger after the count and out of it before: what is listed is in flight.
        let line = ledger.list_request(number, request);
        guard.line = Some(line);
        (guard, line)
    }

    #[inline]
    fn of_entered(shard: &'static Shard, method: &Method) -> Self {
        let owed = if shard.detects_aborted() {
            BytesOwed::before_head(BodyRule::of(method))
        } else {
            BytesOwed::NOTHING
        };
        Self { shard: Some(shard), line: None, owed }
    }

    /// Takes the guard out of a place that then has none.
    // Not an `Option` around it: to take from that writes all of it anew.
    #[inline]
    pub(crate) const fn take(&mut self) -> Self {
        // The line too: a future may go on after its answer, when the line is another request's.
        Self { shard: self.shard.take(), line: self.line.take(), owed: self.owed }
    }

    /// The answer's head is ready. If its body is not still to come, the request is over.
    #[inline]
    pub(crate) fn answer<B: Body>(&mut self, response: &Response<B>) {
        if response.body().is_end_stream() {
            return self.finish();
        }
        if !self.owed.is_nothing() {
            self.owed = self.owed_by(response);
        }
        if let Some(line) = self.line {
            line.set_stage(RequestStage::Body);
        }
    }

    /// How much of the body is to come.
    fn owed_by<B: Body>(&self, response: &Response<B>) -> BytesOwed {
        let status = response.status();
        let is_in_head = !self.owed.rule().allows_body(status)
            // The head says all there is to know, whether the rest is read or not.
            || status.as_u16() >= 400 && is_rejection(response.headers());
        if is_in_head { BytesOwed::NOTHING } else { BytesOwed::declared_by(response) }
    }

    /// The whole answer is handed over: the request is over.
    #[inline]
    pub(crate) fn finish(&mut self) {
        self.owed = BytesOwed::NOTHING;
        self.end();
    }

    /// The request is over, and its answer is whole if nothing of it is still to come.
    #[inline]
    pub(crate) fn end(&mut self) {
        let Some(shard) = self.shard.take() else { return };
        if !self.owed.is_nothing() {
            shard.note_aborted();
        }
        // Into the ledger after the count and out of it before: what is listed is in flight. Taken:
        // a body may go on after its end, when the line is another request's.
        if let Some(line) = self.line.take() {
            unlist(shard, line);
        }
        shard.leave();
    }

    /// Some bytes of the body are handed over.
    #[inline]
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.owed = self.owed.after(bytes);
        if let Some(line) = self.line {
            line.add_sent(bytes as u64);
        }
    }
}

/// A request that is only counted, while its inner service is called.
///
/// One word, which stays in a register; the guard is made where it is kept.
pub(crate) struct Entered {
    shard: &'static Shard,
}

impl Entered {
    /// Counts a request in, and nothing else.
    #[inline]
    pub(crate) fn new(shard: &'static Shard) -> Self {
        shard.enter();
        Self { shard }
    }

    /// The guard that holds the count from here on.
    #[inline]
    pub(crate) const fn into_guard(self) -> RequestGuard {
        let Self { shard } = self;
        // The guard leaves in its place.
        std::mem::forget(self);
        RequestGuard { shard: Some(shard), line: None, owed: BytesOwed::NOTHING }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.shard.leave();
    }
}

impl Drop for RequestGuard {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for RequestGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, line, owed } = self;
        f.debug_struct("RequestGuard")
            .field("is_held", &shard.is_some())
            .field("is_listed", &line.is_some())
            .field("owed", owed)
            .finish()
    }
}

// Not a method: a guard whose address is not taken stays in registers.
#[inline(never)]
fn unlist(shard: &Shard, line: &'static Line) {
    if let Some(ledger) = shard.ledger() {
        ledger.unlist(line);
    }
}

/// Whether an error says when to come back: a client that reads that has its answer.
#[cold]
fn is_rejection(headers: &HeaderMap) -> bool {
    headers.contains_key(header::RETRY_AFTER)
}
