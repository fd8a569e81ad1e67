//! Request ids: which of a client's are kept, and how our own are made.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::clock::unix_millis;

/// The longest id that is taken over from a client, in bytes.
const LONGEST: usize = 128;

/// The bytes an id may consist of. Nothing a log, a shell, a URL or a page would act on.
const SAFE: [bool; 256] = {
    let mut safe = [false; 256];
    let known = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:+/=@-";
    let mut at = 0;
    while at < known.len() {
        safe[known[at] as usize] = true;
        at += 1;
    }
    safe
};

/// What a layer does with ids.
#[derive(Clone, Debug)]
pub(crate) struct IdPolicy {
    pub(crate) header: HeaderName,
    /// Whether a client's own id is taken over.
    pub(crate) inbound: bool,
    /// Whether the id is told on the response.
    pub(crate) echo: bool,
}

impl IdPolicy {
    /// Whether there is an id. A few names are looked through faster than one is hashed.
    #[inline]
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        headers.keys().any(|name| *name == self.header)
    }

    /// The client's id, if there is one and it may be used.
    ///
    /// One that may not be is taken off the request, so that nobody inside can log it.
    pub(crate) fn take_over(&self, headers: &mut HeaderMap) -> Option<HeaderValue> {
        if !self.is_in(headers) {
            return None;
        }
        let mut lines = headers.get_all(&self.header).iter();
        // Two ids are none: which of them would a proxy have logged?
        let id = lines.next().filter(|id| self.inbound && is_safe(id.as_bytes())).cloned();
        if id.is_none() || lines.next().is_some() {
            headers.remove(&self.header);
            return None;
        }
        id
    }
}

impl Default for IdPolicy {
    fn default() -> Self {
        let header = HeaderName::from_static("x-request-id");
        Self { header, inbound: true, echo: true }
    }
}

fn is_safe(id: &[u8]) -> bool {
    !id.is_empty() && id.len() <= LONGEST && id.iter().all(|byte| SAFE[usize::from(*byte)])
}

/// Makes a version 7 UUID: ids sort by the time they were made at, to a tick of the system's clock.
///
/// Without the counter that would also sort them within it, because that is a lock for all.
pub(crate) fn fresh() -> Uuid {
    let millis = unix_millis();
    // Version 4 is random but for its version, 4, which has no bit that 7 has not.
    let random = Uuid::new_v4().as_u128() & (u128::MAX >> 48);
    Uuid::from_u128(u128::from(millis) << 80 | 7 << 76 | random)
}

/// Writes a UUID that goes to one place. One allocation; a first clone makes a second.
pub(crate) fn to_header(uuid: &Uuid) -> HeaderValue {
    header(Bytes::copy_from_slice(&hyphenated(uuid)))
}

/// Writes a UUID that goes to several. One allocation, which the clones of the value share.
pub(crate) fn to_shared_header(uuid: &Uuid) -> HeaderValue {
    header(Bytes::from_owner(hyphenated(uuid)))
}

fn header(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).expect("a UUID is hexadecimal digits and dashes")
}

/// Where each byte of a UUID stands in its text.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Each byte as two digits.
const DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [[0; 2]; 256];
    let mut byte = 0;
    while byte < all.len() {
        all[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    all
};

/// A UUID as text, lower case.
#[inline(never)]
fn hyphenated(uuid: &Uuid) -> [u8; 36] {
    let mut text = [b'-'; 36];
    for (byte, place) in uuid.as_bytes().iter().zip(PLACES) {
        text[place..place + 2].copy_from_slice(&DIGITS[usize::from(*byte)]);
    }
    text
}
