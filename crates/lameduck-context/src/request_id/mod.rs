//! Request ids: which of a client's are kept, and how new ones are made.

mod clock;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use self::clock::unix_millis;

/// Puts an id into the extensions of a request.
pub(crate) type InsertId = fn(&HeaderValue, &mut Extensions);

/// The longest id that is taken over from a client, in bytes.
const LONGEST: usize = 128;

/// The bytes that an id may consist of. None of them means anything to a log, a shell, a URL or a
/// page.
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

/// The ids of requests. For [`ContextOptions::request_id`](crate::ContextOptions::request_id).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestIdOptions {
    /// The header that carries the id, on requests and responses. By default `x-request-id`.
    pub header: HeaderName,

    /// Whether a client's own id is taken over if it is safe. By default it is.
    ///
    /// Safe are 1 to 128 of the characters `A-Z a-z 0-9 . _ : + / = @ -`, in one header line. An id
    /// that is not taken over is removed from the request: no code inside can log it or send it on.
    /// Say `false` at a public edge, where a client could choose the id of another one's request.
    pub trust_inbound: bool,

    /// Whether the response carries the id. By default it does.
    pub response_header: bool,

    /// Whether the request carries the id as tower-http's `SetRequestIdLayer` writes it: as a
    /// `RequestId` in its extensions, and in its header. By default it does not.
    ///
    /// For handlers and layers that were written for tower-http. The response has the id in its
    /// header, as `response_header` says, but not in its extensions. About three allocations for
    /// each request.
    #[cfg(feature = "tower-http")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tower-http")))]
    pub tower_http: bool,
}

impl RequestIdOptions {
    /// The defaults: `x-request-id`, the client's if it is safe, also on the response.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            header: HeaderName::from_static("x-request-id"),
            trust_inbound: true,
            response_header: true,
            #[cfg(feature = "tower-http")]
            tower_http: false,
        }
    }

    /// What puts an id into the extensions of a request, if anything does.
    #[cfg(feature = "tower-http")]
    pub(crate) fn insert_id(&self) -> Option<InsertId> {
        self.tower_http.then_some(crate::integrations::tower_http::insert)
    }

    #[cfg(not(feature = "tower-http"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(crate) const fn insert_id(&self) -> Option<InsertId> {
        None
    }

    /// Whether there is an id. To compare a few names is faster than to hash one.
    #[inline]
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        headers.keys().any(|name| *name == self.header)
    }

    /// The client's id, if there is one and it may be used.
    ///
    /// An id that may not be used is removed from the request, so that no code inside can log it.
    pub(crate) fn take_inbound(&self, headers: &mut HeaderMap) -> Option<HeaderValue> {
        if !self.is_in(headers) {
            return None;
        }
        let mut lines = headers.get_all(&self.header).iter();
        let id = lines.next().filter(|id| self.trust_inbound && is_safe(id.as_bytes())).cloned();
        // Two ids are none: a proxy in front may have logged either.
        if id.is_none() || lines.next().is_some() {
            headers.remove(&self.header);
            return None;
        }
        id
    }
}

impl Default for RequestIdOptions {
    fn default() -> Self {
        Self::new()
    }
}

fn is_safe(id: &[u8]) -> bool {
    !id.is_empty() && id.len() <= LONGEST && id.iter().all(|byte| SAFE[usize::from(*byte)])
}

/// Makes a version 7 UUID: ids sort by the time they were made at, to a tick of the coarse clock.
///
/// Without the counter that would also sort them within a tick, because all threads would contend
/// for it.
pub(crate) fn fresh() -> Uuid {
    let millis = unix_millis();
    // A version 4 UUID is random but for its variant and its version, and 7 has all bits of 4.
    let random = Uuid::new_v4().as_u128() & (u128::MAX >> 48);
    Uuid::from_u128(u128::from(millis) << 80 | 7 << 76 | random)
}

/// Writes a UUID that is needed once. One allocation; a first clone makes a second.
pub(crate) fn to_header(uuid: &Uuid) -> HeaderValue {
    header(Bytes::copy_from_slice(&hyphenated(uuid)))
}

/// Writes a UUID that is needed more than once. One allocation, which the clones of the value
/// share.
pub(crate) fn to_shared_header(uuid: &Uuid) -> HeaderValue {
    header(Bytes::from_owner(hyphenated(uuid)))
}

fn header(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).expect("a UUID is hexadecimal digits and dashes")
}

/// The place of each byte of a UUID in its text.
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
