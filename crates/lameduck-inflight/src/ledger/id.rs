//! Which request ids are taken.

use http::{HeaderMap, HeaderValue};

/// The longest request id that is taken, in bytes.
const LONGEST: usize = 128;

const X_REQUEST_ID: &str = "x-request-id";

/// The id that the client or a proxy gave the request, if it is fit to be logged.
pub(super) fn of_request(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(X_REQUEST_ID).filter(|id| is_sane(id)).cloned()
}

/// Whether the id is 1 to [`LONGEST`] visible ASCII characters, so that it can neither forge a
/// line of a log nor fill it.
pub(super) fn is_sane(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    (1..=LONGEST).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}
