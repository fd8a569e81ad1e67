//! Lines of the ledger that are shown while they change hands.

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};
use lameduck_inflight::{
    InFlight, InFlightBody, InFlightFuture, InFlightLayer, InFlightOptions, InFlightRequest,
    RequestIdSource, RequestStage, set_request_id,
};
use loom::{
    sync::atomic::{AtomicU64, Ordering, fence},
    thread,
};
use tower_layer::Layer;
use tower_service::Service;

use crate::model;

/// A count that lists its requests.
fn with_ledger() -> InFlight {
    let mut options = InFlightOptions::new();
    options.ledger = Some(RequestIdSource::Header);
    InFlight::with_options(options)
}

/// Does something while it is called, and answers when it is polled.
struct Answering<F>(F);

/// A body that goes on.
struct Endless;

type Called = InFlightFuture<Ready<Result<Response<Endless>, Infallible>>>;
type Served = InFlightBody<Endless>;

impl<F: FnMut(&Request<()>)> Service<Request<()>> for Answering<F> {
    type Response = Response<Endless>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Endless>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        (self.0)(&request);
        ready(Ok(Response::new(Endless)))
    }
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"part")))))
    }
}

fn request(path: &'static str, id: &'static str) -> Request<()> {
    Request::get(path).header("x-request-id", id).body(()).expect("valid")
}

#[test]
fn a_request_is_shown_with_its_own_data() {
    model(|| {
        let in_flight = with_ledger();
        let mut service = InFlightLayer::new(in_flight.clone()).layer(Answering(|_: &_| ()));
        // There is one line from now on, and both use it, one after the other.
        let first = service.call(request("/a", "b"));
        let served = thread::spawn(move || {
            drop(first);
            service.call(request("/cd", "ef"))
        });
        for shown in in_flight.blockers() {
            match (shown.route(), shown.request_id()) {
                ("/a", Some("b")) | ("/cd", Some("ef")) => {}
                torn => panic!("parts of two requests were shown: {torn:?}"),
            }
        }
        let second = served.join().expect("no panic");
        assert_eq!(in_flight.blockers()[0].route(), "/cd");
        drop(second);
    });
}

#[test]
fn a_request_that_comes_on_another_thread_is_shown_with_its_own_data() {
    model(|| {
        let in_flight = with_ledger();
        let mut service = InFlightLayer::new(in_flight.clone()).layer(Answering(|_: &_| ()));
        let first = service.call(request("/a", "b"));
        // It uses the first one's line if that is over by then, else one of its own.
        let second = thread::spawn(move || service.call(request("/cd", "ef")));
        drop(first);
        for shown in in_flight.blockers() {
            assert_eq!((shown.route(), shown.request_id()), ("/cd", Some("ef")));
        }
        drop(second.join().expect("no panic"));
        assert!(in_flight.blockers().is_empty());
    });
}

/// A second request uses the line of a first, and goes on with `answer` on a thread that it did not
/// come on. The first is never answered.
fn answered_elsewhere(answer: fn(Called) -> Served, is_untouched: fn(&InFlightRequest) -> bool) {
    model(move || {
        let in_flight = with_ledger();
        let mut service = InFlightLayer::new(in_flight.clone()).layer(Answering(|_: &_| ()));
        let first = service.call(request("/a", "b"));
        let served = thread::spawn(move || {
            drop(first);
            let second = service.call(request("/cd", "ef"));
            let answered = thread::spawn(move || drop(answer(second)));
            answered.join().expect("no panic");
        });
        for shown in in_flight.blockers() {
            assert!(shown.route() == "/cd" || is_untouched(&shown), "another's part: {shown:?}");
        }
        served.join().expect("no panic");
    });
}

/// The answer's head.
fn head(mut called: Called) -> Served {
    match Pin::new(&mut called).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response.into_body(),
        Poll::Pending => unreachable!("the answer is there"),
    }
}

/// The answer's head, and a part of its body.
fn part(called: Called) -> Served {
    let mut body = head(called);
    let frame = Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(frame, Poll::Ready(Some(Ok(_)))));
    body
}

#[test]
fn a_request_that_is_answered_on_another_thread_is_shown_at_its_own_stage() {
    answered_elsewhere(head, |shown| shown.stage() == RequestStage::Handler);
}

#[test]
fn a_body_that_is_read_on_another_thread_is_shown_with_its_own_bytes() {
    answered_elsewhere(part, |shown| shown.bytes_sent() == 0);
}

#[test]
fn an_id_is_shown_whole_or_not_at_all() {
    model(|| {
        let in_flight = with_ledger();
        let shows = in_flight.clone();
        let mut service = InFlightLayer::new(in_flight).layer(Answering(move |_: &_| {
            let shows = shows.clone();
            let reader = thread::spawn(move || {
                let shown = shows.blockers();
                match shown[0].request_id() {
                    None | Some("b" | "ef") => {}
                    torn => panic!("parts of two ids were shown: {torn:?}"),
                }
            });
            set_request_id(&HeaderValue::from_static("ef"));
            reader.join().expect("no panic");
        }));
        drop(service.call(request("/", "b")));
    });
}

/// A writer that does not keep its version ahead of what it writes.
#[test]
#[should_panic(expected = "parts of two were read")]
fn the_model_catches_a_version_without_its_fence() {
    model(|| {
        let line = Arc::new([AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)]);
        let writer = {
            let line = Arc::clone(&line);
            thread::spawn(move || {
                let [version, first, second] = &*line;
                version.store(1, Ordering::Relaxed);
                first.store(1, Ordering::Relaxed);
                second.store(1, Ordering::Relaxed);
                version.store(2, Ordering::Release);
            })
        };
        let [version, first, second] = &*line;
        let before = version.load(Ordering::Acquire);
        let read = [first, second].map(|part| part.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        if before % 2 == 0 && version.load(Ordering::Relaxed) == before {
            assert_eq!(read[0], read[1], "parts of two were read");
        }
        writer.join().expect("no panic");
    });
}
