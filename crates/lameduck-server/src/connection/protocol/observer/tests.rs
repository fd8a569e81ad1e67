//! Every exchange that matters, cut at every byte.

use ConnectionStage::{Answered, Head, Multiplexed, NoBytes, Request, Upgraded};

use super::*;
use crate::connection::protocol::PREFACE;

/// One step: bytes that are read or written, and the stage after them.
#[derive(Clone, Copy)]
enum Step<'a> {
    Reads(&'a [u8], ConnectionStage),
    Writes(&'a [u8], ConnectionStage),
}
use Step::{Reads, Writes};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: duck\r\n\r\n";
const CONNECT: &[u8] = b"CONNECT duck:1 HTTP/1.1\r\nhost: duck:1\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: duck\r\n\r\n";

#[track_caller]
fn check(steps: &[Step<'_>]) -> Observer {
    let mut observer = Observer::new();
    assert_eq!(observer.stage(), NoBytes);
    for (n, step) in steps.iter().enumerate() {
        let (before, stage) = (
            observer.stage(),
            match step {
                Reads(bytes, stage) => {
                    observer.on_read(bytes);
                    *stage
                }
                Writes(bytes, stage) => {
                    observer.on_write(bytes);
                    *stage
                }
            },
        );
        assert_eq!(observer.stage(), stage, "step {n}, from {before:?}");
    }
    observer
}

/// The same bytes, at once, cut once at every place, and one by one.
fn in_all_pieces(bytes: &[u8], mut check: impl FnMut(&[&[u8]])) {
    check(&[bytes]);
    for cut in 1..bytes.len() {
        let (begin, end) = bytes.split_at(cut);
        check(&[begin, end]);
    }
    check(&bytes.chunks(1).collect::<Vec<_>>());
}

#[test]
fn an_exchange_is_a_request_and_then_its_answer() {
    let steps = [Reads(GET, Request), Writes(OK, Answered), Writes(b"more", Answered)];
    assert_eq!(check(&steps).protocol(), Protocol::Http1);
    check(&[Reads(GET, Request), Writes(OK, Answered), Reads(GET, Request)]);
    // A body belongs to its request, whatever it looks like.
    check(&[Reads(GET, Request), Reads(OK, Request), Reads(CONNECT, Request)]);
}

#[test]
fn a_first_head_is_a_request_when_it_is_whole_in_any_pieces() {
    in_all_pieces(GET, |pieces| {
        let mut observer = Observer::new();
        let (last, before) = pieces.split_last().unwrap();
        for (n, piece) in before.iter().enumerate() {
            let read = observer.on_read(piece);
            assert_eq!(read, if n == 0 { Read::First } else { Read::More });
            assert_eq!(observer.stage(), Head);
        }
        let read = observer.on_read(last);
        assert_eq!(read, if before.is_empty() { Read::First } else { Read::More });
        assert_eq!((observer.stage(), observer.protocol()), (Request, Protocol::Http1));
    });
}

#[test]
fn a_later_head_is_a_request_from_its_first_byte() {
    in_all_pieces(GET, |pieces| {
        let mut observer = check(&[Reads(GET, Request), Writes(OK, Answered)]);
        let reads: Vec<_> = pieces.iter().map(|piece| observer.on_read(piece)).collect();
        assert_eq!(reads[0], Read::Request);
        assert!(reads[1..].iter().all(|read| *read == Read::Same));
    });
}

#[test]
fn pipelined_requests_are_one_until_an_answer_begins() {
    let two = [GET, GET].concat();
    // The second answer belongs to a request that came before the first: no byte announces it.
    check(&[Reads(&two, Request), Writes(OK, Answered), Writes(OK, Answered)]);
    // Half of the second came along with the first.
    let (begin, end) = two.split_at(GET.len() + 5);
    check(&[Reads(begin, Request), Writes(OK, Answered), Reads(end, Request)]);
}

#[test]
fn a_tunnel_is_upgraded_and_a_rejected_one_is_answered() {
    in_all_pieces(CONNECT, |pieces| {
        let mut observer = Observer::new();
        for piece in pieces {
            observer.on_read(piece);
        }
        let mut rejected = observer;
        assert_eq!(observer.on_write(OK), Written::Upgraded);
        assert_eq!(observer.on_write(OK), Written::Same);
        assert_eq!(observer.on_read(GET), Read::Same);
        assert!(matches!(rejected.on_write(b"HTTP/1.1 503 "), Written::Answer(_)));
    });
    check(&[Reads(CONNECT, Request), Writes(b"HTTP/1.0 200 OK\r\n\r\n", Upgraded)]);
    // Rejected, and then another request, whose answer is one.
    let rejected = Writes(b"HTTP/1.1 503 \r\n\r\n", Answered);
    check(&[Reads(CONNECT, Request), rejected, Reads(GET, Request), Writes(OK, Answered)]);
    // The other way round, on a kept connection.
    let begin = [Reads(GET, Request), Writes(OK, Answered)];
    check(&[begin, [Reads(CONNECT, Request), Writes(OK, Upgraded)]].concat());
}

#[test]
fn a_switch_of_protocols_is_an_upgrade() {
    check(&[Reads(GET, Request), Writes(SWITCH, Upgraded), Reads(b"\x81\x02hi", Upgraded)]);
    let later = [Reads(GET, Request), Writes(OK, Answered), Reads(GET, Request)];
    check(
        &[later, [Writes(SWITCH, Upgraded), Writes(OK, Upgraded), Reads(GET, Upgraded)]].concat(),
    );
}

#[test]
fn a_continue_alone_is_no_answer() {
    let post: &[u8] = b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    let asked = [Reads(post, Request), Writes(CONTINUE, Request)];
    check(&[asked, [Reads(b"hi", Request), Writes(OK, Answered)]].concat());
    let both = [CONTINUE, OK].concat();
    check(&[Reads(post, Request), Writes(&both, Answered)]);
    let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    check(&[Reads(post, Request), Writes(hints, Answered), Writes(OK, Answered)]);
}

#[test]
fn the_preface_of_http2_is_known_in_any_pieces() {
    in_all_pieces(PREFACE, |pieces| {
        let mut observer = Observer::new();
        let reads: Vec<_> = pieces.iter().map(|piece| observer.on_read(piece)).collect();
        assert_eq!(reads.iter().filter(|read| **read == Read::Multiplexed).count(), 1);
        assert_eq!((observer.stage(), observer.protocol()), (Multiplexed, Protocol::Http2));
        assert_eq!(observer.on_write(OK), Written::Same);
    });
    // What begins alike and goes on otherwise is a method of HTTP/1.
    for cut in 1..14 {
        let begin = &PREFACE[..cut];
        let mut observer = check(&[Reads(begin, Head)]);
        assert_eq!(observer.protocol(), Protocol::Unknown);
        assert_eq!(observer.on_write(b"\0\0\0\x04\0\0\0\0\0"), Written::Same);
        assert_eq!(observer.on_read(b"x / HTTP/1.1\r\n\r\n"), Read::More);
        assert_eq!((observer.stage(), observer.protocol()), (Request, Protocol::Http1));
    }
}

#[test]
fn a_server_that_writes_first_has_answered_nothing() {
    let settings: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    check(&[Writes(settings, NoBytes), Reads(PREFACE, Multiplexed)]);
}

#[test]
fn an_answer_to_half_a_head_is_one() {
    check(&[Reads(b"GET / HT", Head), Writes(b"HTTP/1.1 400 \r\n\r\n", Answered)]);
}

#[test]
fn what_is_not_http_is_a_request_of_an_unknown_protocol() {
    let hello: &[u8] = b"\x16\x03\x01\x02\x00";
    let observer = check(&[Reads(hello, Request), Writes(b"\x16\x03", Answered)]);
    assert_eq!(observer.protocol(), Protocol::Unknown);
}

#[test]
fn a_close_is_seen_in_the_first_write_of_an_answer_or_not_at_all() {
    let closing: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\nx: y\r\n\r\nhi";
    let end_of_line = closing.windows(6).position(|bytes| bytes == b"close\r").unwrap() + 7;
    for cut in 1..=closing.len() {
        let (begin, end) = closing.split_at(cut);
        let mut observer = check(&[Reads(GET, Request)]);
        let Written::Answer(head) = observer.on_write(begin) else { panic!("{cut}") };
        assert_eq!(head.says_close(), cut >= end_of_line, "{cut}");
        assert_eq!(observer.on_write(end), Written::More);
    }
}

#[test]
fn an_answer_of_http_1_0_may_end_with_its_connection() {
    let mut observer = check(&[Reads(GET, Request)]);
    let Written::Answer(head) = observer.on_write(b"HTTP/1.0 200 OK\r\n\r\n") else { panic!() };
    assert!(head.is_http10());
    let mut observer = check(&[Reads(GET, Request)]);
    let Written::Answer(head) = observer.on_write(OK) else { panic!() };
    assert!(!head.is_http10());
}
