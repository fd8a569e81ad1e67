//! Which request ids are taken.

use http::{HeaderMap, HeaderName};

/// The longest request id that is taken, in bytes.
pub(super) const LONGEST: usize = 128;

// Not text: that would be parsed at every request.
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the client or a proxy gave the request, if it is fit to be logged.
pub(super) fn of_request(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(&X_REQUEST_ID).map(http::HeaderValue::as_bytes).filter(|id| is_sane(id))
}

/// Whether the id is 1 to [`LONGEST`] visible ASCII characters, so that it can neither forge a
/// line of a log nor fill it.
#[inline]
pub(super) fn is_sane(id: &[u8]) -> bool {
    // No early end: an id is short, and without one the compiler looks at many bytes at once.
    (1..=LONGEST).contains(&id.len())
        && id.iter().fold(true, |is_sane, byte| is_sane & byte.is_ascii_graphic())
}

/// An id as it was taken, as text; none, if none was.
pub(super) fn to_text(id: &[u8]) -> Option<String> {
    std::str::from_utf8(id).ok().filter(|id| !id.is_empty()).map(str::to_owned)
}
