//! Which requests are in flight.

use std::{convert::Infallible, thread};

use coarsetime::Instant;
use http::{HeaderValue, Method, Request, Response};
use lameduck_inflight::{InFlight, InFlightLayer, InFlightRequest, RequestStage, set_request_id};
use tower::{Layer, Service, service_fn};

use crate::support::{
    AnyBody, Broken, answer, check, data, frame, pending, request, stream_of, with_ledger,
};

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
    let in_flight = with_ledger();
    let mut service = InFlightLayer::new(in_flight.clone()).layer(stuck());
    let _future = service.call(request);
    in_flight.blockers().pop().expect("one request")
}

fn routes(in_flight: &InFlight) -> Vec<String> {
    in_flight.blockers().iter().map(|request| request.route().to_owned()).collect()
}

/// Waits until what comes from now on is younger than what came before: for two ticks of the
/// system's clock, which no test can pause. Some milliseconds.
fn age() {
    for _ in 0..2 {
        let start = Instant::now();
        while Instant::now() == start {
            thread::yield_now();
        }
    }
}

#[test]
fn a_stuck_request_is_named() {
    let in_flight = with_ledger();
    let mut service = InFlightLayer::new(in_flight.clone()).layer(stuck());
    let before = Instant::now();
    let mut future = Box::pin(service.call(request(Method::POST, "/pay?card=1234")));
    let after = Instant::now();
    age();
    assert!(pending(&mut future));

    let shortest = after.elapsed();
    let [blocker] = &in_flight.blockers()[..] else { panic!("one request is in flight") };
    let longest = before.elapsed();
    assert!(shortest.as_ticks() > 0);
    assert!((shortest.into()..=longest.into()).contains(&blocker.age()), "{blocker}");
    assert_eq!(blocker.method(), Some(&Method::POST));
    assert_eq!(blocker.route(), "/pay");
    assert_eq!(blocker.request_id(), None);
    assert_eq!((blocker.stage(), blocker.bytes_sent()), (RequestStage::Handler, 0));

    drop(future);
    check(&in_flight, 0, 1);
}

#[test]
fn the_oldest_is_named_first() {
    let in_flight = with_ledger();
    let mut guards = Vec::new();
    for name in ["a", "b", "c", "d"] {
        age();
        // Each from a thread of its own: the order is by age, not by shard.
        let in_flight = in_flight.clone();
        let enter = move || in_flight.enter_named(name);
        guards.push(thread::spawn(enter).join().expect("no panic"));
    }
    assert_eq!(routes(&in_flight), ["a", "b", "c", "d"]);
    drop(guards.remove(1));
    assert_eq!(routes(&in_flight), ["a", "c", "d"]);
    // A place that became free is used again; the order stays that of age.
    age();
    guards.push(in_flight.enter_named("e"));
    assert_eq!(routes(&in_flight), ["a", "c", "d", "e"]);
}

#[test]
fn requests_of_one_age_are_named_in_the_order_in_which_they_came() {
    let in_flight = with_ledger();
    let early = in_flight.enter_named("early");
    let _guards = ["a", "b"].map(|name| in_flight.enter_named(name));
    drop(early);
    let _late = in_flight.enter_named("late");
    assert_eq!(routes(&in_flight), ["a", "b", "late"]);
}

#[test]
fn a_body_on_its_way_is_named_with_the_bytes_it_gave() {
    let in_flight = with_ledger();
    let response = Response::new(stream_of(vec![data("four"), data("more!")]));
    let mut body = answer(&in_flight, request(Method::GET, "/export"), response).into_body();
    for sent in [0, 4, 9] {
        let [blocker] = &in_flight.blockers()[..] else { panic!("one request is in flight") };
        assert_eq!((blocker.stage(), blocker.bytes_sent()), (RequestStage::Body, sent));
        let _ = frame(&mut body);
    }
    check(&in_flight, 1, 0);
}

#[test]
fn a_body_that_goes_on_after_its_end_gives_no_bytes_to_another_request() {
    let in_flight = with_ledger();
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
    let in_flight = with_ledger();
    let _guards = [in_flight.enter_named(format!("websocket {}", "/chat")), in_flight.enter()];
    let blockers = in_flight.blockers();
    assert_eq!(blockers[0].route(), "websocket /chat");
    assert_eq!(blockers[1].route(), "guard");
    for blocker in blockers {
        assert_eq!((blocker.stage(), blocker.method()), (RequestStage::Guard, None));
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

/// A request that came with an id of its own and is given others while its service is called.
fn given(layer: &InFlightLayer, ids: &'static [&'static str]) -> impl Sized + use<> {
    let mut service = layer.layer(service_fn(move |_: Request<()>| {
        ids.iter().for_each(|id| set_request_id(&HeaderValue::from_static(id)));
        std::future::pending::<Result<Response<AnyBody>, Infallible>>()
    }));
    service.call(with_id(b"theirs"))
}

fn ids(in_flight: &InFlight) -> Vec<Option<String>> {
    in_flight.blockers().iter().map(|request| request.request_id().map(str::to_owned)).collect()
}

#[test]
fn a_layer_further_in_sets_the_id_of_a_request() {
    let in_flight = with_ledger();
    let layer = InFlightLayer::new(in_flight.clone());
    let none = given(&layer, &[]);
    assert_eq!(ids(&in_flight), [Some("theirs".to_owned())]);
    let once = given(&layer, &["ours"]);
    assert_eq!(ids(&in_flight), [Some("theirs".to_owned()), Some("ours".to_owned())]);
    drop((none, once));

    // The lines of the others are used again.
    let _two = [given(&layer, &["a-longer-id", "last"]), given(&layer, &["x", "no good"])];
    assert_eq!(ids(&in_flight), [Some("last".to_owned()), None]);
    let _long = given(&layer, &[LONG]);
    assert_eq!(ids(&in_flight), [Some("last".to_owned()), None, None]);
}

/// Longer than any id that is kept.
const LONG: &str = match std::str::from_utf8(&[b'x'; 129]) {
    Ok(long) => long,
    Err(_) => "",
};

#[test]
fn an_id_can_be_set_only_in_the_call_of_a_request_in_a_ledger() {
    drop(given(&InFlightLayer::new(InFlight::new()), &["ours"]));
    let in_flight = with_ledger();
    let _future = given(&InFlightLayer::new(in_flight.clone()), &[]);
    set_request_id(&HeaderValue::from_static("late"));
    assert_eq!(ids(&in_flight), [Some("theirs".to_owned())]);
}

#[test]
fn without_a_ledger_no_request_is_named() {
    let in_flight = InFlight::new();
    let _guard = in_flight.enter_named("websocket /chat");
    assert_eq!(in_flight.count(), 1);
    assert!(in_flight.blockers().is_empty());
}

#[cfg(feature = "axum")]
mod axum {
    use ::axum::{Router, routing::get};
    use lameduck_inflight::InFlightLayer;
    use tower::Service;

    use super::routes;
    use crate::support::{pending, with_ledger};

    #[tokio::test]
    async fn inside_a_router_a_request_is_named_by_its_route() {
        let in_flight = with_ledger();
        let mut router = Router::new()
            .route("/users/{id}", get(std::future::pending::<&'static str>))
            .layer(InFlightLayer::new(in_flight.clone()));
        let request = http::Request::get("/users/7?secret=1").body(::axum::body::Body::empty());
        let mut future = Box::pin(Service::call(&mut router, request.expect("valid")));
        assert!(pending(&mut future));
        assert_eq!(routes(&in_flight), ["/users/{id}"]);
    }
}
