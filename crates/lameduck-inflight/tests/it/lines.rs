//! Lines of the ledger that are used again, and what a count does not look at.

use std::{
    convert::Infallible,
    future::{Pending, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use http::{HeaderValue, Method, Request, Response};
use http_body::Body;
use lameduck_inflight::{
    InFlight, InFlightLayer, InFlightOptions, RequestIdSource, RequestStage, set_request_id,
};
use tower::{Layer, Service, service_fn};

use crate::support::{
    Answered, AnyBody, answer, check, data, frame, now, request, stream_of, with_ledger,
};

/// A body of two frames, of which the first was read, or not.
fn export(in_flight: &InFlight, is_read: bool) -> impl Body + use<> {
    let response = Response::new(stream_of(vec![data("four"), data("more")]));
    let mut body = answer(in_flight, request(Method::GET, "/export"), response).into_body();
    if is_read {
        frame(&mut body).expect("a frame").expect("data");
    }
    body
}

#[test]
fn a_request_has_none_of_the_bytes_of_the_one_before() {
    let in_flight = with_ledger();
    drop(export(&in_flight, true));
    let _body = export(&in_flight, false);
    assert_eq!(in_flight.blockers()[0].bytes_sent(), 0);
}

#[test]
fn a_future_that_goes_on_after_its_answer_leaves_the_next_request_its_line() {
    let in_flight = with_ledger();
    let mut service = InFlightLayer::new(in_flight.clone()).layer(service_fn(|_: Request<()>| {
        poll_fn(|_| Poll::Ready(Ok::<_, Infallible>(Response::new(stream_of(vec![data("four")])))))
    }));
    let mut first = pin!(service.call(request(Method::GET, "/first")));
    drop(now(first.as_mut()));
    let _second = service.call(request(Method::GET, "/second"));
    let mut late = now(first).expect("an answer").into_body();
    frame(&mut late).expect("a frame").expect("data");
    let second = &in_flight.blockers()[0];
    assert_eq!(
        (second.route(), second.stage(), second.bytes_sent()),
        ("/second", RequestStage::Handler, 0)
    );
}

#[test]
fn a_name_is_cut_at_256_bytes_or_before_the_character_that_lies_there() {
    let in_flight = with_ledger();
    for (name, kept) in [
        ("x".repeat(256), 256),
        ("x".repeat(300), 256),
        ("x".repeat(255) + "é", 255),
        ("x".repeat(253) + "🦆", 253),
        ("🦆".repeat(64), 256),
    ] {
        let _guard = in_flight.enter_named(&name);
        assert_eq!(in_flight.blockers()[0].route(), &name[..kept]);
    }
}

#[test]
fn a_call_inside_of_a_call_leaves_the_outer_one_its_line() {
    let in_flight = with_ledger();
    let layer = InFlightLayer::new(in_flight.clone());
    let mut inner = layer.layer(service_fn(|_: Request<()>| {
        std::future::pending::<Result<Response<AnyBody>, Infallible>>()
    }));
    let mut outer = layer.layer(service_fn(move |_: Request<()>| {
        let pending = inner.call(request(Method::GET, "/inner"));
        set_request_id(&HeaderValue::from_static("outer"));
        pending
    }));
    let _future = outer.call(request(Method::GET, "/outer"));
    let shown: Vec<_> = in_flight.blockers().iter().map(ToString::to_string).collect();
    let named: Vec<_> = shown.iter().filter(|line| line.ends_with("id=outer")).collect();
    assert!(matches!(named[..], [line] if line.starts_with("GET /outer")), "{shown:?}");
}

#[test]
fn where_ids_are_assigned_none_is_read() {
    let mut options = InFlightOptions::new();
    options.ledger = Some(RequestIdSource::Assigned);
    let in_flight = InFlight::with_options(options);
    let mut asked = request(Method::GET, "/");
    asked.headers_mut().insert("x-request-id", HeaderValue::from_static("theirs"));
    let _body = answer(&in_flight, asked, Response::new(stream_of(vec![]))).into_body();
    assert_eq!(in_flight.blockers()[0].request_id(), None);
}

#[test]
fn a_count_that_does_not_detect_aborted_requests_counts_all_as_finished() {
    let mut options = InFlightOptions::new();
    options.detects_aborted = false;
    let in_flight = InFlight::with_options(options);
    drop(export(&in_flight, true));
    let mut fails = InFlightLayer::new(in_flight.clone())
        .layer(service_fn(|_: Request<()>| async { Err::<Response<AnyBody>, _>("no answer") }));
    assert!(now(fails.call(request(Method::GET, "/"))).is_err());
    drop(fails.call(request(Method::GET, "/")));
    check(&in_flight, 3, 0);
}

#[test]
fn an_id_set_after_a_call_that_panicked_goes_to_no_request() {
    let in_flight = with_ledger();
    let mut service = InFlightLayer::new(in_flight.clone())
        .layer(service_fn(|_: Request<()>| -> Pending<Answered> { panic!("in the call") }));
    let mut call = || drop(service.call(request(Method::GET, "/")));
    assert!(catch_unwind(AssertUnwindSafe(&mut call)).is_err());
    check(&in_flight, 0, 1);
    // The guard has the line now.
    let _guard = in_flight.enter();
    set_request_id(&HeaderValue::from_static("late"));
    assert_eq!(in_flight.blockers()[0].request_id(), None);
}
