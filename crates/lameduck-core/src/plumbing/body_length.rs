//! How many bytes of a response body are still to come, and when it is complete.

use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body;

/// Which responses to a request have a body. RFC 9110, section 6.4.1, and as hyper decides it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
#[expect(clippy::exhaustive_enums, reason = "only crates of lameduck match it")]
pub enum BodyRule {
    /// All, but for those whose status allows none.
    #[default]
    ByStatus,
    /// None: the request was `HEAD`.
    Never,
    /// Only errors: the request was `CONNECT`.
    OnlyErrors,
}

impl BodyRule {
    /// The rule for requests with that method.
    // Inlined: a request whose address is given away is copied before it is handed on.
    #[inline]
    #[must_use]
    pub const fn of(method: &Method) -> Self {
        match *method {
            Method::HEAD => Self::Never,
            Method::CONNECT => Self::OnlyErrors,
            _ => Self::ByStatus,
        }
    }

    /// Whether a response with that status has a body. The server drops one that it must not have
    /// unpolled.
    #[inline]
    #[must_use]
    pub fn allows_body(self, status: StatusCode) -> bool {
        let by_status = !status.is_informational()
            && status != StatusCode::NO_CONTENT
            && status != StatusCode::NOT_MODIFIED;
        let by_method = match self {
            Self::ByStatus => true,
            Self::Never => false,
            Self::OnlyErrors => !status.is_success(),
        };
        by_status && by_method
    }
}

/// How many bytes of a response body are still to come.
///
/// A body is complete when none is: the server stops polling at the declared length, so the end of
/// the body is not always seen. One word, of which the greatest numbers stand for unknown lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BytesOwed(u64);

impl BytesOwed {
    /// Nothing is to come: the body is complete.
    pub const NOTHING: Self = Self(0);

    /// The length was not declared.
    pub const UNKNOWN: Self = Self(u64::MAX);

    /// Before the response head is ready. Remembers the rule, which decides whether a body follows.
    #[inline]
    #[must_use]
    pub const fn before_head(rule: BodyRule) -> Self {
        Self(Self::UNKNOWN.0 - rule as u64)
    }

    /// The rule that [`before_head`](Self::before_head) was made with.
    #[inline]
    #[must_use]
    pub fn rule(self) -> BodyRule {
        match Self::UNKNOWN.0 - self.0 {
            1 => BodyRule::Never,
            2 => BodyRule::OnlyErrors,
            _ => BodyRule::ByStatus,
        }
    }

    /// What the response declares: the length of its body, else its `Content-Length`.
    #[inline]
    #[must_use]
    pub fn declared_by<B: Body>(response: &Response<B>) -> Self {
        match response.body().size_hint().exact() {
            Some(exact) => Self(exact),
            None => Self::by_header(response.headers()),
        }
    }

    #[cold]
    fn by_header(headers: &HeaderMap) -> Self {
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        length.map_or(Self::UNKNOWN, Self)
    }

    /// What is to come after so many more bytes are handed to the server.
    #[inline]
    #[must_use]
    pub const fn after(self, bytes: usize) -> Self {
        // Of an unknown length it stays unknown for all practical numbers of bytes.
        Self(self.0.saturating_sub(bytes as u64))
    }

    /// Whether the body is complete.
    #[inline]
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// As a number, to be stored in an atomic.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The number that [`to_bits`](Self::to_bits) made.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_survives_until_the_head_is_ready() {
        for rule in [BodyRule::ByStatus, BodyRule::Never, BodyRule::OnlyErrors] {
            assert_eq!(BytesOwed::before_head(rule).rule(), rule);
            assert!(!BytesOwed::before_head(rule).is_nothing());
        }
    }

    #[test]
    fn a_status_or_method_without_a_body_is_complete_at_its_head() {
        let check = |method: Method, status: u16, expected: bool| {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(BodyRule::of(&method).allows_body(status), expected, "{method} {status}");
        };
        check(Method::GET, 200, true);
        check(Method::GET, 404, true);
        check(Method::GET, 101, false);
        check(Method::GET, 204, false);
        check(Method::GET, 304, false);
        check(Method::HEAD, 200, false);
        check(Method::HEAD, 404, false);
        check(Method::CONNECT, 200, false);
        check(Method::CONNECT, 502, true);
    }
}
