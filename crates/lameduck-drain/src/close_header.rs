//! How a response asks its client to use another connection.

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Whether a response may say `Connection: close`: over HTTP/1 it may, but for that to a `CONNECT`,
/// after which the connection is a tunnel that HTTP does not close.
// The version that decides it, which is compared only when a response may say something: a `bool`
// would cost each request one instruction more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closable(Version);

impl Closable {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        Self::of_usual(request).unwrap_or(Self(Version::HTTP_2))
    }

    #[inline]
    pub(crate) const fn by_version(version: Version) -> Self {
        Self(version)
    }

    /// `None` for `CONNECT`, which is no usual request.
    // Inlined: a request whose address is given away is copied before it is handed on.
    #[inline]
    pub(crate) fn of_usual<B>(request: &Request<B>) -> Option<Self> {
        (!matches!(*request.method(), Method::CONNECT)).then_some(Self(request.version()))
    }

    /// Adds `Connection: close` to a response that may say it.
    ///
    /// HTTP/2 has GOAWAY, and hyper logs a warning for every `Connection` header that it removes
    /// from an HTTP/2 response.
    pub(crate) fn close<B>(self, response: &mut Response<B>) {
        if self.0 < Version::HTTP_2 {
            add_close(response);
        }
    }
}

/// Adds `Connection: close`, unless the response says so already or switches protocols.
///
/// Afterwards there is one `Connection` header, for clients that read only the first.
fn add_close<B>(response: &mut Response<B>) {
    // 101 hands the connection over to another protocol, so this response is not its last.
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    let headers = response.headers_mut();
    if !tokens(headers).any(|token| token.eq_ignore_ascii_case(b"close")) {
        let all = with_close(headers);
        headers.insert(header::CONNECTION, all);
    }
}

/// The tokens of the handler, and `close`.
fn with_close(headers: &HeaderMap) -> HeaderValue {
    let mut all = Vec::new();
    // Other tokens name headers for this hop only, and must stay.
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
