//! Which protocol an own server is to speak, by ALPN and the first bytes.

use super::PREFACE;
use crate::Protocol;

/// What the first bytes of a client decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// More must be read.
    Undecided,
    Http1,
    /// The whole preface has come: hyper's handshake has no timeout, so it must not have to wait.
    Http2,
    /// The client agreed on HTTP/2 and speaks something else.
    Broken,
}

impl Opening {
    /// How many bytes decide it at most.
    pub(crate) const LONGEST: usize = PREFACE.len();

    pub(crate) fn of(agreed: Option<Protocol>, bytes: &[u8]) -> Self {
        match agreed {
            Some(Protocol::Http1) => Self::Http1,
            _ if bytes == PREFACE => Self::Http2,
            _ if PREFACE.starts_with(bytes) => Self::Undecided,
            Some(Protocol::Http2) => Self::Broken,
            _ => Self::Http1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(agreed: Option<Protocol>, bytes: &[u8], expected: Opening) {
        assert_eq!(Opening::of(agreed, bytes), expected, "{agreed:?} and {bytes:?}");
    }

    #[test]
    fn what_was_agreed_on_is_what_is_spoken() {
        let (http1, http2) = (Some(Protocol::Http1), Some(Protocol::Http2));
        check(None, b"PRI * HTTP", Opening::Undecided);
        check(None, PREFACE, Opening::Http2);
        check(None, b"GET /", Opening::Http1);
        // To a server of HTTP/1 the preface is a broken request, which hyper answers with an error.
        check(http1, PREFACE, Opening::Http1);
        check(http1, b"P", Opening::Http1);
        check(http2, b"PRI * HTTP", Opening::Undecided);
        check(http2, PREFACE, Opening::Http2);
        check(http2, b"GET /", Opening::Broken);
    }

    #[test]
    fn every_part_of_the_preface_is_undecided() {
        for cut in 0..PREFACE.len() {
            check(None, &PREFACE[..cut], Opening::Undecided);
        }
    }
}
