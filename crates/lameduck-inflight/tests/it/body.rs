//! A response body, to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full};
use lameduck_inflight::InFlight;

use crate::support::{AnyBody, Broken, answer, check, data, frame, now, request, sound, stream_of};

fn get(in_flight: &InFlight, body: AnyBody) -> impl Body<Data = Bytes, Error = Broken> + Unpin {
    answer(in_flight, request(Method::GET, "/"), Response::new(body)).into_body()
}

#[test]
fn a_request_counts_until_its_body_has_ended() {
    let in_flight = InFlight::new();
    let mut body = get(&in_flight, stream_of(vec![data("one"), data("two")]));
    for _ in 0..2 {
        assert!(frame(&mut body).is_some());
        assert_eq!(in_flight.count(), 1);
    }
    assert!(frame(&mut body).is_none());
    // The body is still here: its end, not its drop, is what ends the request.
    check(&in_flight, 1, 0);
    drop(body);
    check(&in_flight, 1, 0);
}

#[test]
fn a_body_that_is_at_its_end_at_once_is_not_waited_for() {
    let in_flight = InFlight::new();
    let body = get(&in_flight, sound(Empty::new()));
    check(&in_flight, 1, 0);
    drop(body);
    check(&in_flight, 1, 0);
}

#[test]
fn a_body_that_ends_with_its_last_frame_is_not_polled_for_more() {
    let in_flight = InFlight::new();
    let mut body = get(&in_flight, sound(Full::from("all")));
    assert_eq!(in_flight.count(), 1);
    assert!(frame(&mut body).is_some());
    check(&in_flight, 1, 0);
}

#[test]
fn a_body_that_fails_is_no_longer_in_flight() {
    let in_flight = InFlight::new();
    let mut body = get(&in_flight, stream_of(vec![data("one"), Err(Broken)]));
    assert!(matches!(frame(&mut body), Some(Ok(_))));
    assert!(matches!(frame(&mut body), Some(Err(Broken))));
    check(&in_flight, 0, 1);
    drop(body);
    check(&in_flight, 0, 1);
}

#[test]
fn a_body_that_is_dropped_early_is_no_longer_in_flight() {
    let in_flight = InFlight::new();
    for polls in 0..2 {
        let mut body = get(&in_flight, stream_of(vec![data("one"), data("two")]));
        for _ in 0..polls {
            assert!(frame(&mut body).is_some());
        }
        assert_eq!(in_flight.count(), 1);
        drop(body);
        check(&in_flight, 0, polls + 1);
    }
}

/// A body whose poll panics.
struct Panics;

impl Body for Panics {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Broken>>> {
        panic!("in the body")
    }
}

#[test]
fn a_panic_in_the_body_leaves_nothing_in_flight() {
    let in_flight = InFlight::new();
    let body = get(&in_flight, Panics.boxed_unsync());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(now(body.collect())))).is_err());
    check(&in_flight, 0, 1);
}

#[test]
fn trailers_are_waited_for() {
    let in_flight = InFlight::new();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let frames = vec![data("four"), Ok(Frame::trailers(trailers.clone()))];
    let request = request(Method::GET, "/");
    // All announced bytes are out after the first frame; the request is not over.
    let response = Response::builder().header(CONTENT_LENGTH, 4);
    let response = response.body(stream_of(frames)).expect("valid");
    let mut body = answer(&in_flight, request, response).into_body();
    assert!(frame(&mut body).is_some());
    assert_eq!(in_flight.count(), 1);
    let last = frame(&mut body).and_then(Result::ok).and_then(|frame| frame.into_trailers().ok());
    assert_eq!(last, Some(trailers));
    assert!(frame(&mut body).is_none());
    check(&in_flight, 1, 0);
}

/// Drops the body of `response` after `polls` frames; says whether the request finished.
fn finished_after(polls: usize, method: Method, response: Response<AnyBody>) -> bool {
    let in_flight = InFlight::new();
    let mut body = answer(&in_flight, request(method, "/"), response).into_body();
    for _ in 0..polls {
        assert!(matches!(frame(&mut body), Some(Ok(_))));
    }
    assert_eq!(in_flight.count(), 1, "a body that is neither ended nor dropped is in flight");
    drop(body);
    let totals = in_flight.totals();
    assert_eq!((totals.in_flight(), totals.finished() + totals.aborted()), (0, 1));
    totals.finished() == 1
}

fn six_bytes() -> AnyBody {
    stream_of(vec![data("one"), data("two")])
}

fn announcing(length: &str) -> Response<AnyBody> {
    Response::builder().header(CONTENT_LENGTH, length).body(six_bytes()).expect("valid")
}

#[test]
fn a_body_that_gave_all_it_announced_has_finished() {
    // Servers stop polling at the announced length, and drop the body.
    assert!(finished_after(2, Method::GET, announcing("6")));
    assert!(finished_after(2, Method::GET, announcing("5")));
    assert!(finished_after(1, Method::GET, announcing("3")));
}

#[test]
fn a_body_that_gave_less_than_it_announced_is_aborted() {
    assert!(!finished_after(2, Method::GET, announcing("7")));
    assert!(!finished_after(1, Method::GET, announcing("6")));
    assert!(!finished_after(0, Method::GET, announcing("6")));
    assert!(!finished_after(2, Method::GET, announcing("18446744073709551615")));
}

#[test]
fn a_length_that_is_none_announces_nothing() {
    for hostile in ["", "six", "-1", "6, 6", "0x6", "18446744073709551616", " 6"] {
        assert!(!finished_after(2, Method::GET, announcing(hostile)), "{hostile:?}");
    }
    let opaque = http::HeaderValue::from_bytes(b"\xff\xfe").expect("opaque bytes are allowed");
    let mut response = Response::new(six_bytes());
    response.headers_mut().insert(CONTENT_LENGTH, opaque);
    assert!(!finished_after(2, Method::GET, response));
}

/// A body that knows its length exactly, but not when it is at its end.
struct Exact(AnyBody, u64);

impl Body for Exact {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Broken>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.1)
    }
}

#[test]
fn a_body_that_knows_its_length_is_believed_before_the_header() {
    let exact = |length: u64| Exact(six_bytes(), length).boxed_unsync();
    assert!(finished_after(2, Method::GET, Response::new(exact(6))));
    assert!(!finished_after(1, Method::GET, Response::new(exact(6))));
    let mut lying = announcing("3");
    *lying.body_mut() = exact(6);
    assert!(!finished_after(1, Method::GET, lying));
}

#[test]
fn an_answer_that_may_have_no_body_is_finished_when_its_body_is_dropped() {
    let with = |status: u16| Response::builder().status(status).body(six_bytes()).expect("valid");
    let finished = |method: Method, status| finished_after(0, method, with(status));
    assert!(finished(Method::HEAD, 200));
    assert!(finished(Method::HEAD, 404));
    assert!(finished(Method::GET, 101));
    assert!(finished(Method::GET, 204));
    assert!(finished(Method::POST, 304));
    assert!(finished(Method::CONNECT, 200));
    assert!(finished(Method::CONNECT, 299));

    assert!(!finished(Method::GET, 200));
    assert!(!finished(Method::GET, 205));
    assert!(!finished(Method::GET, 500));
    assert!(!finished(Method::CONNECT, 403));
    assert!(!finished(Method::from_bytes(b"HEADS").expect("valid"), 200));
}

/// Notes, when dropped, how many are in flight.
struct Last(InFlight, std::sync::mpsc::Sender<usize>);

impl Drop for Last {
    fn drop(&mut self) {
        self.1.send(self.0.count()).expect("the test listens");
    }
}

#[test]
fn what_a_body_does_in_its_destructor_is_in_flight() {
    let in_flight = InFlight::new();
    let (sender, seen) = std::sync::mpsc::channel();
    let last = Last(in_flight.clone(), sender);
    let body = six_bytes().map_frame(move |frame| {
        let _kept = &last;
        frame
    });
    drop(get(&in_flight, body.boxed_unsync()));
    assert_eq!(seen.recv(), Ok(1));
    check(&in_flight, 0, 1);
}

#[test]
fn a_refusal_is_finished_with_its_head_and_another_error_is_not() {
    for (status, retry_after, finished, aborted) in
        [(503, true, 1, 0), (429, true, 1, 0), (503, false, 0, 1), (200, true, 0, 1)]
    {
        let in_flight = InFlight::new();
        let mut response = Response::builder().status(status);
        if retry_after {
            response = response.header("retry-after", "1");
        }
        let response = response.body(sound(Full::from("go elsewhere"))).unwrap();
        let answered = answer(&in_flight, request(Method::GET, "/"), response);
        assert_eq!(in_flight.count(), 1, "counted until the body is gone");
        drop(answered);
        check(&in_flight, finished, aborted);
    }
}
