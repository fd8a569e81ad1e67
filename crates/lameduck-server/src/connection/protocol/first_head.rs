//! Finds the protocol and the end of the first request head in the first bytes of a client.

use super::PREFACE;
use crate::Protocol;

/// How many bytes of HTTP/2's preface no HTTP/1 request can begin with: `PRI * HTTP/2.0`.
const CERTAIN: usize = 14;

/// What is known after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The protocol is not known, or the head is not whole.
    Part(Protocol),
    /// Everything is known. For HTTP/1, the first head is whole.
    Whole(Protocol),
}

/// Reads until the first head is whole: every byte of it once, and none after it.
#[derive(Clone, Copy, Debug)]
pub(super) enum FirstHead {
    /// So many bytes equal those of the preface.
    Preface(u8),
    /// The bytes before were the end of a line.
    Head { line_ended: bool },
}

impl FirstHead {
    pub(super) const fn new() -> Self {
        Self::Preface(0)
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> Found {
        match *self {
            Self::Preface(matched) => self.feed_preface(usize::from(matched), bytes),
            Self::Head { line_ended } => self.feed_head(line_ended, bytes),
        }
    }

    fn feed_preface(&mut self, matched: usize, bytes: &[u8]) -> Found {
        let rest = PREFACE.get(matched..CERTAIN).unwrap_or_default();
        let common = rest.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        if common == rest.len() {
            return Found::Whole(Protocol::Http2);
        }
        if common == bytes.len() {
            *self = Self::Preface((matched + common) as u8);
            return Found::Part(Protocol::Unknown);
        }
        // A method has letters only. A TLS record begins otherwise, and so does a PROXY header of
        // version 2.
        let first = if matched > 0 { PREFACE.first() } else { bytes.first() };
        if !first.is_some_and(u8::is_ascii_alphabetic) {
            return Found::Whole(Protocol::Unknown);
        }
        // The preface contains no end of a line, so this skips none.
        self.feed_head(false, bytes)
    }

    fn feed_head(&mut self, mut line_ended: bool, bytes: &[u8]) -> Found {
        // Most heads come whole and alone.
        if bytes.ends_with(b"\r\n\r\n") {
            return Found::Whole(Protocol::Http1);
        }
        for &byte in bytes {
            match byte {
                b'\n' if line_ended => return Found::Whole(Protocol::Http1),
                b'\n' => line_ended = true,
                b'\r' => {}
                _ => line_ended = false,
            }
        }
        *self = Self::Head { line_ended };
        Found::Part(Protocol::Http1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&[u8]], expected: &[Found]) {
        let mut head = FirstHead::new();
        let found: Vec<_> = pieces.iter().map(|piece| head.feed(piece)).collect();
        assert_eq!(found, expected);
    }

    const PART: Found = Found::Part(Protocol::Unknown);
    const HEAD: Found = Found::Part(Protocol::Http1);
    const HTTP1: Found = Found::Whole(Protocol::Http1);

    #[test]
    fn a_whole_head_is_known_at_once() {
        check(&[b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"], &[HTTP1]);
        check(&[b"POST / HTTP/1.1\r\nhost: a\r\n\r\nbody"], &[HTTP1]);
        check(&[b"GET / HTTP/1.0\n\n"], &[HTTP1]);
    }

    #[test]
    fn a_head_in_pieces_is_whole_at_its_empty_line() {
        check(&[b"GET / HTTP/1.1\r\n", b"host: a\r", b"\n\r", b"\n"], &[HEAD, HEAD, HEAD, HTTP1]);
        check(&[b"P", b"OST / HTTP/1.1\r\n\r\n"], &[PART, HTTP1]);
        check(&[b"PRI", b"VATE / HTTP/1.1\r\n", b"a: b"], &[PART, HEAD, HEAD]);
    }

    #[test]
    fn the_preface_means_http2_in_any_pieces() {
        check(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], &[Found::Whole(Protocol::Http2)]);
        check(&[b"PRI * ", b"HTTP/2.", b"0"], &[PART, PART, Found::Whole(Protocol::Http2)]);
    }

    #[test]
    fn bytes_that_are_no_method_stay_unknown() {
        check(&[b"\x16\x03\x01\x02\x00"], &[Found::Whole(Protocol::Unknown)]);
        check(&[b"\r\n\r\n\0\r\nQUIT\n"], &[Found::Whole(Protocol::Unknown)]);
    }
}
