//! Which request ids are kept and shown.

use http::{HeaderMap, HeaderName};

/// The longest request id that is kept, in bytes.
pub(super) const LONGEST: usize = 128;

// Not text: that would be parsed at every request.
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id that the client or a proxy gave the request, if it is kept.
pub(super) fn of_request(headers: &HeaderMap) -> &[u8] {
    headers.get(&X_REQUEST_ID).map_or(&[], |id| kept(id.as_bytes()))
}

/// The id, or nothing if it is longer than [`LONGEST`].
#[inline]
pub(super) fn kept(id: &[u8]) -> &[u8] {
    if id.len() <= LONGEST { id } else { &[] }
}

/// The id as it is shown: only visible ASCII characters, so that it cannot forge a line of a log.
///
/// Checked here and not when it is kept: most are never shown.
pub(super) fn shown(id: Vec<u8>) -> Option<String> {
    let is_sane = !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
    if is_sane { String::from_utf8(id).ok() } else { None }
}
