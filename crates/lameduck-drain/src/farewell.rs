//! How an answer asks its client to use another connection.

use http::{HeaderMap, HeaderValue, Response, StatusCode, Version, header};

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether connections of this version are told with a header. HTTP/2 has GOAWAY, and hyper logs a
/// warning for every `Connection` header that it takes off an HTTP/2 response.
pub(crate) fn is_told_by_header(version: Version) -> bool {
    matches!(version, Version::HTTP_10 | Version::HTTP_11)
}

/// Adds `Connection: close`, unless the answer says so already or switches protocols.
pub(crate) fn tell<B>(response: &mut Response<B>) {
    // 101 hands the connection over: it is not the client's to close after this answer.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let headers = response.headers_mut();
    if has_token(headers, "close") {
        return;
    }
    if has_token(headers, "keep-alive") {
        headers.insert(header::CONNECTION, CLOSE);
    } else {
        // Other tokens name headers of this hop only, and must stay.
        headers.append(header::CONNECTION, CLOSE);
    }
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}
