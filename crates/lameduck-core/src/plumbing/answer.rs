//! The answers that lameduck itself gives: RFC 9457 problem documents, or gRPC trailers-only.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::json::{JsonValue, write_number, write_object, write_string};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// What is encoded in `grpc-message`: all but the printable ASCII characters, and `%`.
const GRPC_MESSAGE: &AsciiSet = &CONTROLS.add(b'%');

/// Whether a request with these headers is a gRPC call: its content type is `application/grpc`,
/// alone or with a message format behind it (`application/grpc+proto`).
#[must_use]
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return false };
    // By bytes: `application/grpc-web` is another protocol, with its trailers in the body.
    match kind.as_bytes().strip_prefix(b"application/grpc") {
        Some([]) => true,
        Some([next, ..]) => matches!(next, b'+' | b';' | b' '),
        None => false,
    }
}

/// An answer that a layer gives instead of the handler.
///
/// As JSON it is a problem document (RFC 9457) with the members `code`, `message` and `data`
/// added, so that one body serves API clients and pages that expect `{code, message, data}`:
///
/// ```
/// use http::StatusCode;
/// use lameduck_core::plumbing::Answer;
///
/// let answer = Answer::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "It is stopping.")
///     .with_data("retry_after", 2_u64);
/// assert_eq!(
///     answer.to_json(),
///     concat!(
///         r#"{"code":"draining","data":{"retry_after":2},"message":"It is stopping.","#,
///         r#""status":503,"title":"Service Unavailable","type":"about:blank"}"#,
///     ),
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    data: BTreeMap<Cow<'static, str>, JsonValue>,
}

impl Answer {
    /// Makes an answer from its status, a stable word for programs and a sentence for people.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), data: BTreeMap::new() }
    }

    /// Adds a member to `data`.
    #[must_use]
    pub fn with_data(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<JsonValue>,
    ) -> Self {
        self.data.insert(name.into(), value.into());
        self
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The body as JSON, members in alphabetical order.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(256);
        json.push_str("{\"code\":");
        write_string(&mut json, &self.code);
        json.push_str(",\"data\":");
        write_object(&mut json, &self.data);
        json.push_str(",\"message\":");
        write_string(&mut json, &self.message);
        json.push_str(",\"status\":");
        write_number(&mut json, self.status.as_u16().into());
        json.push_str(",\"title\":");
        write_string(&mut json, self.status.canonical_reason().unwrap_or("Unknown"));
        json.push_str(",\"type\":\"about:blank\"}");
        json
    }

    /// The answer as a response with an `application/problem+json` body.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.to_json()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        // A cache that kept a "come back later" would go on saying it after the server is back.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// The answer as a gRPC trailers-only response: HTTP 200, no body, the status in headers.
    ///
    /// `grpc_status` is a number of the gRPC status list: 14 is `UNAVAILABLE`, 4 is
    /// `DEADLINE_EXCEEDED`. The message is percent-encoded as the protocol asks.
    #[must_use]
    pub fn into_grpc_response(self, grpc_status: u8) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, GRPC);
        headers.insert("grpc-status", HeaderValue::from(u16::from(grpc_status)));
        let message = utf8_percent_encode(&self.message, GRPC_MESSAGE).to_string();
        if let Ok(message) = HeaderValue::from_str(&message) {
            headers.insert("grpc-message", message);
        }
        response
    }
}
