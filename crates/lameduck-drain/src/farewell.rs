//! How an answer asks its client to use another connection.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether the answer to this request may say `Connection: close`.
///
/// HTTP/2 has GOAWAY, and hyper logs a warning for every `Connection` header that it takes off an
/// HTTP/2 answer. To `CONNECT` the answer is a tunnel, which is not HTTP's to close.
// Inlined: a request whose address is given away is copied before it is handed on.
#[inline]
pub(crate) fn is_told_by_header<B>(request: &Request<B>) -> bool {
    matches!(request.version(), Version::HTTP_10 | Version::HTTP_11)
        && !matches!(*request.method(), Method::CONNECT)
}

/// Adds `Connection: close`, unless the answer says so already or switches protocols.
///
/// Afterwards there is one `Connection` header: a client that reads only the first finds it all.
pub(crate) fn tell<B>(response: &mut Response<B>) {
    // 101 hands the connection over: it is not the client's to close after this answer.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let headers = response.headers_mut();
    if !tokens(headers).any(|token| token.eq_ignore_ascii_case(b"close")) {
        let all = with_close(headers);
        headers.insert(header::CONNECTION, all);
    }
}

/// What the handler said of the connection, and that it closes.
fn with_close(headers: &HeaderMap) -> HeaderValue {
    let mut all = Vec::new();
    // Other tokens name headers of this hop only, and must stay.
    for token in tokens(headers).filter(|token| !token.eq_ignore_ascii_case(b"keep-alive")) {
        all.extend_from_slice(token);
        all.extend_from_slice(b", ");
    }
    if all.is_empty() {
        return CLOSE;
    }
    all.extend_from_slice(b"close");
    // Parts of valid values make a valid value.
    HeaderValue::from_bytes(&all).unwrap_or(CLOSE)
}

fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::CONNECTION).into_iter();
    let tokens = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}
