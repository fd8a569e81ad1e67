//! What a request carries from its arrival to the end of its body.

use std::fmt;

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body;

use crate::{
    RequestStage,
    ledger::{Ledger, Line},
    shard::Shard,
};

/// The answer's length is not known.
const UNKNOWN: u64 = u64::MAX;

/// The same, and the answer will have no body: `HEAD` was asked.
const OF_HEAD: u64 = u64::MAX - 1;

/// The same, and the answer will have no body if it is a success: `CONNECT` was asked.
const OF_CONNECT: u64 = u64::MAX - 2;

/// Holds the count up by one for one request, and knows how much of its answer is still to come.
///
/// Three words without a gap: it is moved with every response, and moves in one piece.
pub(crate) struct Ticket {
    /// `None` once the request is over, or the ticket handed on.
    shard: Option<&'static Shard>,
    line: Option<&'static Line>,
    /// Bytes of the answer that are still to come. Zero when the ticket is dropped means finished,
    /// anything else means aborted. Until the head is ready, one of the constants above; always
    /// zero, if nobody wants to know.
    remaining: u64,
}

impl Ticket {
    /// Counts a request in.
    #[inline]
    pub(crate) fn new(shard: &'static Shard, method: &Method) -> Self {
        shard.enter();
        Self::of_entered(shard, method)
    }

    /// Counts a request in, and writes it into the ledger.
    #[inline]
    pub(crate) fn listed<B>(
        shard: &'static Shard,
        ledger: &Ledger,
        request: &Request<B>,
    ) -> (Self, &'static Line) {
        let number = shard.enter();
        let mut ticket = Self::of_entered(shard, request.method());
        // Into the ledger after the count and out of it before: who is listed is in flight.
        let line = ledger.list_request(number, request);
        ticket.line = Some(line);
        (ticket, line)
    }

    #[inline]
    fn of_entered(shard: &'static Shard, method: &Method) -> Self {
        let remaining = if shard.tells_aborted() { asked(method) } else { 0 };
        Self { shard: Some(shard), line: None, remaining }
    }

    /// Takes the ticket out of a place that then has none.
    // Not an `Option` around it: to take from that writes all of it anew.
    #[inline]
    pub(crate) const fn take(&mut self) -> Self {
        // The line too: a future may go on after its answer, when the line is another request's.
        Self { shard: self.shard.take(), line: self.line.take(), remaining: self.remaining }
    }

    /// The answer's head is ready. If its body is not still to come, the request is over.
    #[inline]
    pub(crate) fn answer<B: Body>(&mut self, response: &Response<B>) {
        if response.body().is_end_stream() {
            return self.finish();
        }
        if self.remaining != 0 {
            self.remaining = self.expected(response);
        }
        if let Some(line) = self.line {
            line.set_stage(RequestStage::Body);
        }
    }

    /// How much of the body is to come.
    fn expected<B: Body>(&self, response: &Response<B>) -> u64 {
        let status = response.status();
        if !self.may_have_body(status) {
            // The server drops this body unpolled. Nothing is missing then.
            0
        } else if status.as_u16() >= 400 && is_refusal(response.headers()) {
            // All there is to know stands in the head, whether the rest is read or not.
            0
        } else if let Some(exact) = response.body().size_hint().exact() {
            exact
        } else {
            // The server stops polling at this length too, so the end is never seen.
            content_length(response.headers()).unwrap_or(UNKNOWN)
        }
    }

    /// The whole answer is handed over: the request is over.
    #[inline]
    pub(crate) fn finish(&mut self) {
        self.remaining = 0;
        self.end();
    }

    /// The request is over, and its answer is whole if nothing of it is still to come.
    #[inline]
    pub(crate) fn end(&mut self) {
        let Some(shard) = self.shard.take() else { return };
        if self.remaining != 0 {
            shard.note_aborted();
        }
        // Into the ledger after the count and out of it before: who is listed is in flight. Taken: a
        // body may go on after its end, when the line is another request's.
        if let Some(line) = self.line.take() {
            strike(shard, line);
        }
        shard.leave();
    }

    /// As RFC 9110, section 6.4.1, and as hyper decides it.
    #[inline]
    fn may_have_body(&self, status: StatusCode) -> bool {
        let never = status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        let asked_for_none =
            self.remaining == OF_HEAD || self.remaining == OF_CONNECT && status.is_success();
        !never && !asked_for_none
    }

    /// Some bytes of the body are handed over.
    #[inline]
    pub(crate) fn sent(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.remaining = self.remaining.saturating_sub(bytes);
        if let Some(line) = self.line {
            line.add_sent(bytes);
        }
    }
}

impl Drop for Ticket {
    #[inline]
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, line, remaining } = self;
        f.debug_struct("Ticket")
            .field("is_held", &shard.is_some())
            .field("is_listed", &line.is_some())
            .field("remaining", remaining)
            .finish_non_exhaustive()
    }
}

/// What is known of the answer's length when its request comes.
// Inlined: a request whose address is given away is copied before it is handed on.
#[inline]
const fn asked(method: &Method) -> u64 {
    match *method {
        Method::HEAD => OF_HEAD,
        Method::CONNECT => OF_CONNECT,
        _ => UNKNOWN,
    }
}

// Not a method: a ticket whose address nobody takes stays in registers.
#[inline(never)]
fn strike(shard: &Shard, line: &'static Line) {
    if let Some(ledger) = shard.ledger() {
        ledger.strike(line);
    }
}

/// Whether an error says when to come back: who reads that has its answer.
#[cold]
fn is_refusal(headers: &HeaderMap) -> bool {
    headers.contains_key(header::RETRY_AFTER)
}

#[cold]
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
