//! What a request carries from its arrival to the end of its body.

use std::fmt;

use http::{HeaderMap, Method, Request, Response, StatusCode, header, response::Parts};
use http_body::Body;

use crate::{
    InFlightBody, LedgerEntry,
    ledger::{Ledger, Record, Slot, Stage},
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
    shard: &'static Shard,
    slot: Option<Slot>,
    /// Bytes of the answer that are still to come. Zero when the ticket is dropped means finished,
    /// anything else means aborted. Until the head is ready, one of the constants above.
    remaining: u64,
}

impl Ticket {
    #[inline]
    pub(crate) fn new(shard: &'static Shard, method: &Method) -> Self {
        shard.enter();
        Self { shard, slot: None, remaining: asked(method) }
    }

    /// Writes the request into the ledger, if there is one.
    pub(crate) fn list<B>(&mut self, request: &Request<B>) {
        let insert = |ledger: &Ledger| ledger.insert(Record::of_request(request));
        self.slot = self.shard.ledger().and_then(insert);
    }

    /// The request's own line in the ledger, if it is in one.
    pub(crate) fn entry(&self) -> Option<LedgerEntry> {
        self.slot.map(|slot| LedgerEntry::new(self.shard, slot))
    }

    /// Hands the ticket on to the body of the request's answer.
    #[inline]
    pub(crate) fn attach_to<B: Body>(mut self, response: Response<B>) -> Response<InFlightBody<B>> {
        let (head, body) = response.into_parts();
        let ticket = self.answer(&head, &body).then_some(self);
        Response::from_parts(head, InFlightBody::new(body, ticket))
    }

    /// The head is ready. Returns whether the body is still to come; if not, this is over.
    #[inline]
    fn answer<B: Body>(&mut self, head: &Parts, body: &B) -> bool {
        if body.is_end_stream() {
            self.finish();
            return false;
        }
        self.remaining = if !self.may_have_body(head.status) {
            // The server drops this body unpolled. Nothing is missing then.
            0
        } else if head.status.as_u16() >= 400 && is_refusal(&head.headers) {
            // All there is to know stands in the head, whether the rest is read or not.
            0
        } else if let Some(exact) = body.size_hint().exact() {
            exact
        } else {
            // The server stops polling at this length too, so the end is never seen.
            content_length(&head.headers).unwrap_or(UNKNOWN)
        };
        if let Some(slot) = self.slot {
            update(self.shard, slot, |record| record.stage = Stage::Body);
        }
        true
    }

    /// The whole answer is handed over.
    #[inline]
    pub(crate) const fn finish(&mut self) {
        self.remaining = 0;
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
        if let Some(slot) = self.slot {
            update(self.shard, slot, |record| record.bytes_sent += bytes);
        }
    }
}

impl Drop for Ticket {
    #[inline]
    fn drop(&mut self) {
        if self.remaining != 0 {
            self.shard.note_aborted();
        }
        // Into the ledger after the count and out of it before: who is listed is in flight.
        if let Some(slot) = self.slot {
            unlist(self.shard, slot);
        }
        self.shard.leave();
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard: _, slot, remaining } = self;
        f.debug_struct("Ticket")
            .field("slot", slot)
            .field("remaining", remaining)
            .finish_non_exhaustive()
    }
}

/// What is known of the answer's length when its request comes.
// Not inlined: the compiler takes a request that it sees read apart, and copies it twice more.
#[inline(never)]
const fn asked(method: &Method) -> u64 {
    match *method {
        Method::HEAD => OF_HEAD,
        Method::CONNECT => OF_CONNECT,
        _ => UNKNOWN,
    }
}

// Not methods: a ticket whose address nobody takes stays in registers.
#[cold]
#[inline(never)]
fn update(shard: &Shard, slot: Slot, update: impl FnOnce(&mut Record)) {
    if let Some(ledger) = shard.ledger() {
        ledger.update(slot, update);
    }
}

#[cold]
#[inline(never)]
fn unlist(shard: &Shard, slot: Slot) {
    if let Some(ledger) = shard.ledger() {
        ledger.remove(slot);
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
