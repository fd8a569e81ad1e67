//! Who is in flight.

use std::{convert::Infallible, thread, time::Duration};

use http::{HeaderValue, Method, Request, Response};
use lameduck_inflight::{InFlight, InFlightLayer, InFlightRequest, LedgerEntry, Stage};
use tokio::time::advance;
use tower::{Layer, Service, service_fn};

use crate::support::{AnyBody, Broken, answer, check, data, frame, pending, request, stream_of};

/// A handler that never answers.
fn stuck() -> impl Service<
    Request<()>,
    Response = Response<AnyBody>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<AnyBody>, Infallible>>,
> {
    service_fn(|_: Request<()>| std::future::pending())
}

/// What the ledger says of one request that is stuck.
fn stuck_on(request: Request<()>) -> InFlightRequest {
    let in_flight = InFlight::with_ledger();
    let mut service = InFlightLayer::new(in_flight.clone()).layer(stuck());
    let _future = service.call(request);
    in_flight.blockers().pop().expect("one request")
}

fn routes(in_flight: &InFlight) -> Vec<String> {
    in_flight.blockers().iter().map(|request| request.route().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stuck_request_is_named() {
    let in_flight = InFlight::with_ledger();
    let mut service = InFlightLayer::new(in_flight.clone()).layer(stuck());
    let mut future = Box::pin(service.call(request(Method::POST, "/pay?card=1234")));
    advance(Duration::from_millis(1500)).await;
    assert!(pending(&mut future));

    let [blocker] = &in_flight.blockers()[..] else { panic!("one request is in flight") };
    assert_eq!(blocker.age(), Duration::from_millis(1500));
    assert_eq!(blocker.method(), Some(&Method::POST));
    assert_eq!(blocker.route(), "/pay");
    assert_eq!(blocker.request_id(), None);
    assert_eq!((blocker.stage(), blocker.bytes_sent()), (Stage::Handler, 0));

    drop(future);
    check(&in_flight, 0, 1);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_named_first() {
    let in_flight = InFlight::with_ledger();
    let mut guards = Vec::new();
    for name in ["a", "b", "c", "d"] {
        advance(Duration::from_secs(1)).await;
        // Each from a thread of its own: the order is of age, not of shards.
        let in_flight = in_flight.clone();
        let handle = tokio::runtime::Handle::current();
        let enter = move || {
            let _clock = handle.enter();
            in_flight.enter_named(name)
        };
        guards.push(thread::spawn(enter).join().expect("no panic"));
    }
    assert_eq!(routes(&in_flight), ["a", "b", "c", "d"]);
    drop(guards.remove(1));
    assert_eq!(routes(&in_flight), ["a", "c", "d"]);
    // A place that became free is taken again; the order stays that of age.
    advance(Duration::from_secs(1)).await;
    guards.push(in_flight.enter_named("e"));
    assert_eq!(routes(&in_flight), ["a", "c", "d", "e"]);
}

#[tokio::test(start_paused = true)]
async fn those_of_one_age_are_named_in_the_order_in_which_they_came() {
    let in_flight = InFlight::with_ledger();
    let early = in_flight.enter_named("early");
    let _guards = ["a", "b"].map(|name| in_flight.enter_named(name));
    drop(early);
    let _late = in_flight.enter_named("late");
    assert_eq!(routes(&in_flight), ["a", "b", "late"]);
}

#[test]
fn a_body_on_its_way_is_named_with_the_bytes_it_gave() {
    let in_flight = InFlight::with_ledger();
    let response = Response::new(stream_of(vec![data("four"), data("more!")]));
    let mut body = answer(&in_flight, request(Method::GET, "/export"), response).into_body();
    for sent in [0, 4, 9] {
        let [blocker] = &in_flight.blockers()[..] else { panic!("one request is in flight") };
        assert_eq!((blocker.stage(), blocker.bytes_sent()), (Stage::Body, sent));
        let _ = frame(&mut body);
    }
    check(&in_flight, 1, 0);
}

#[test]
fn a_body_that_goes_on_after_its_end_gives_no_bytes_to_another_request() {
    let in_flight = InFlight::with_ledger();
    let response = Response::new(stream_of(vec![Err(Broken), data("late")]));
    let mut body = answer(&in_flight, request(Method::GET, "/failed"), response).into_body();
    assert!(frame(&mut body).expect("a frame").is_err());
    let response = Response::new(stream_of(vec![data("four")]));
    let _other = answer(&in_flight, request(Method::GET, "/other"), response).into_body();
    frame(&mut body).expect("a frame").expect("data");
    let [blocker] = &in_flight.blockers()[..] else { panic!("one request is in flight") };
    assert_eq!((blocker.route(), blocker.bytes_sent()), ("/other", 0));
}

#[test]
fn a_client_does_not_decide_how_much_of_its_method_is_kept() {
    let long = Method::from_bytes(&[b'M'; 5000]).expect("a token");
    let blocker = stuck_on(request(long, "/"));
    assert_eq!(blocker.method().map(Method::as_str), Some("M".repeat(64).as_str()));
    let short = Method::from_bytes(b"VERSION-CONTROL").expect("a token");
    assert_eq!(stuck_on(request(short.clone(), "/")).method(), Some(&short));
}

#[test]
fn a_guard_is_named_as_it_was_entered() {
    let in_flight = InFlight::with_ledger();
    let _guards = [in_flight.enter_named(format!("websocket {}", "/chat")), in_flight.enter()];
    let blockers = in_flight.blockers();
    assert_eq!(blockers[0].route(), "websocket /chat");
    assert_eq!(blockers[1].route(), "guard");
    for blocker in blockers {
        assert_eq!((blocker.stage(), blocker.method()), (Stage::Guard, None));
    }
}

#[test]
fn a_request_for_no_path_is_named_without_one() {
    let mut connect = request(Method::CONNECT, "example.org:443");
    assert_eq!(stuck_on(connect.clone()).route(), "");
    *connect.method_mut() = Method::OPTIONS;
    *connect.uri_mut() = http::Uri::from_static("*");
    assert_eq!(stuck_on(connect).route(), "*");
}

fn with_id(id: &[u8]) -> Request<()> {
    let mut request = request(Method::GET, "/");
    let id = HeaderValue::from_bytes(id).expect("valid for a header");
    request.headers_mut().insert("x-request-id", id);
    request
}

#[test]
fn a_request_id_that_came_with_the_request_is_kept() {
    for sane in ["7f3a", "0198c5f2-8a3e-7cc1-9d5e-1f2a3b4c5d6e", "~!", &"x".repeat(128)] {
        assert_eq!(stuck_on(with_id(sane.as_bytes())).request_id(), Some(sane));
    }
}

#[test]
fn a_hostile_request_id_never_appears() {
    let long = "x".repeat(129);
    let hostile: [&[u8]; 6] =
        [b"", b"a b", b"a\tevent=forged", b"caf\xc3\xa9", b"\xff", long.as_bytes()];
    for id in hostile {
        let blocker = stuck_on(with_id(id));
        assert_eq!(blocker.request_id(), None, "{id:?}");
        assert!(!blocker.to_string().contains("id="), "{blocker}");
    }
}

/// Calls a service with a request and returns the entry that was current in the call.
fn entry_of(layer: &InFlightLayer) -> (Option<LedgerEntry>, impl Sized) {
    let (sender, entries) = std::sync::mpsc::channel();
    let mut service = layer.layer(service_fn(move |_: Request<()>| {
        let entry = LedgerEntry::current();
        sender.send(entry).expect("the test listens");
        std::future::pending::<Result<Response<AnyBody>, Infallible>>()
    }));
    let future = service.call(with_id(b"theirs"));
    (entries.recv().expect("the handler was called"), future)
}

#[test]
fn a_layer_further_in_says_which_id_a_request_has() {
    let in_flight = InFlight::with_ledger();
    let layer = InFlightLayer::new(in_flight.clone());
    let (entry, future) = entry_of(&layer);
    let entry = entry.expect("there is a ledger");
    assert!(entry.set_request_id(&HeaderValue::from_static("ours")));
    assert_eq!(in_flight.blockers()[0].request_id(), Some("ours"));

    assert!(!entry.set_request_id(&HeaderValue::from_static("no good")));
    assert_eq!(in_flight.blockers()[0].request_id(), Some("ours"));

    assert!(format!("{entry:?}").starts_with("LedgerEntry"));
    drop(future);
    assert!(!entry.set_request_id(&HeaderValue::from_static("late")));
    check(&in_flight, 0, 1);
}

#[test]
fn an_entry_that_outlives_its_request_does_not_name_the_next() {
    let in_flight = InFlight::with_ledger();
    let layer = InFlightLayer::new(in_flight.clone());
    let (entry, future) = entry_of(&layer);
    drop(future);
    let (_, _next) = entry_of(&layer);
    assert!(!entry.expect("there is a ledger").set_request_id(&HeaderValue::from_static("stale")));
    assert_eq!(in_flight.blockers()[0].request_id(), Some("theirs"));
}

#[test]
fn only_in_the_call_of_a_request_in_a_ledger_is_there_a_current_entry() {
    assert!(entry_of(&InFlightLayer::new(InFlight::new())).0.is_none());
    let layer = InFlightLayer::new(InFlight::with_ledger());
    let (entry, _future) = entry_of(&layer);
    assert!(entry.is_some());
    assert!(LedgerEntry::current().is_none());
}

#[test]
fn without_a_ledger_nobody_is_named() {
    let in_flight = InFlight::new();
    let _guard = in_flight.enter_named("websocket /chat");
    assert_eq!(in_flight.count(), 1);
    assert!(in_flight.blockers().is_empty());
}

#[cfg(feature = "axum")]
mod axum {
    use ::axum::{Router, routing::get};
    use lameduck_inflight::{InFlight, InFlightLayer};
    use tower::Service;

    use super::routes;
    use crate::support::pending;

    #[tokio::test]
    async fn inside_a_router_a_request_is_named_by_its_route() {
        let in_flight = InFlight::with_ledger();
        let mut router = Router::new()
            .route("/users/{id}", get(std::future::pending::<&'static str>))
            .layer(InFlightLayer::new(in_flight.clone()));
        let request = http::Request::get("/users/7?secret=1").body(::axum::body::Body::empty());
        let mut future = Box::pin(Service::call(&mut router, request.expect("valid")));
        assert!(pending(&mut future));
        assert_eq!(routes(&in_flight), ["/users/{id}"]);
    }
}
