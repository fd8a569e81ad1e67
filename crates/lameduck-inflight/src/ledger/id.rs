//! Which request ids are taken.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The longest request id that is taken, in bytes.
const LONGEST: usize = 128;

// Not text: that would be parsed at every request.
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the client or a proxy gave the request, if it is fit to be logged.
pub(super) fn of_request(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(&X_REQUEST_ID).filter(|id| is_sane(id)).cloned()
}

/// Whether the id is 1 to [`LONGEST`] visible ASCII characters, so that it can neither forge a
/// line of a log nor fill it.
pub(super) fn is_sane(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    // No early end: an id is short, and without one the compiler looks at many bytes at once.
    (1..=LONGEST).contains(&id.len())
        && id.iter().fold(true, |is_sane, byte| is_sane & byte.is_ascii_graphic())
}
