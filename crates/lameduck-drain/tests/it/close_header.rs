//! How clients are asked to leave.

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use lameduck_drain::Phase;

use crate::support::{Bench, Body, connection, get_on};

async fn check(handler: fn() -> Response<Body>, expected: &[&str]) {
    let bench = Bench::new(Phase::LameDuck).answering(handler);
    let response = bench.send(get_on(Version::HTTP_11)).await;
    assert_eq!(connection(&response), expected);
}

fn with_connection(value: &'static str) -> Response<Body> {
    Response::builder().header(header::CONNECTION, value).body(Body::default()).unwrap()
}

#[tokio::test]
async fn from_lame_duck_on_every_answer_on_http_1_says_close() {
    for phase in [Phase::LameDuck, Phase::Draining, Phase::Cancelling] {
        let bench = Bench::new(phase).with(|options| options.exempt.add(|_, _, _| true));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(connection(&bench.send(get_on(version)).await), ["close"], "{phase}");
        }
    }
}

#[tokio::test]
async fn before_lame_duck_and_after_it_is_cancelled_no_answer_says_close() {
    let bench = Bench::new(Phase::Running);
    assert!(connection(&bench.get("/").await).is_empty());
    bench.sender.publish(Phase::LameDuck);
    assert_eq!(connection(&bench.get("/").await), ["close"]);
    bench.sender.publish(Phase::Running);
    assert!(connection(&bench.get("/").await).is_empty());
}

#[tokio::test]
async fn an_answer_on_http_2_never_says_close() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let bench = Bench::new(Phase::LameDuck);
        assert!(connection(&bench.send(get_on(version)).await).is_empty());
    }
}

#[tokio::test]
async fn a_switch_of_protocols_is_left_alone() {
    let switch = || {
        Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "upgrade")
            .body(Body::default())
            .unwrap()
    };
    check(switch, &["upgrade"]).await;
}

#[tokio::test]
async fn an_answer_that_says_close_already_says_it_once() {
    check(|| with_connection("close"), &["close"]).await;
    check(|| with_connection("Close"), &["Close"]).await;
    check(|| with_connection("x-hop, CLOSE"), &["x-hop, CLOSE"]).await;
}

#[tokio::test]
async fn an_answer_that_would_keep_the_connection_does_not_any_more() {
    check(|| with_connection("keep-alive"), &["close"]).await;
    check(|| with_connection("Keep-Alive, x-hop"), &["x-hop, close"]).await;
}

#[tokio::test]
async fn other_tokens_of_an_answers_connection_header_stay_in_one_header() {
    check(|| with_connection("x-hop"), &["x-hop, close"]).await;
    check(|| with_connection("upgrade"), &["upgrade, close"]).await;
    check(|| with_connection(" , x-hop,, "), &["x-hop, close"]).await;
    let two_lines = || {
        let mut response = with_connection("x-one");
        response.headers_mut().append(header::CONNECTION, HeaderValue::from_static("x-two"));
        response
    };
    check(two_lines, &["x-one, x-two, close"]).await;
}

#[tokio::test]
async fn a_connection_header_that_is_not_text_is_kept_as_it_is() {
    let opaque = || {
        let mut response = Response::new(Body::default());
        let value = HeaderValue::from_bytes(b"x-\xff").unwrap();
        response.headers_mut().insert(header::CONNECTION, value);
        response
    };
    let response = Bench::new(Phase::LameDuck).answering(opaque).get("/").await;
    assert_eq!(response.headers()[header::CONNECTION].as_bytes(), b"x-\xff, close");
}

#[tokio::test]
async fn a_tunnel_is_left_alone() {
    let bench = Bench::new(Phase::LameDuck);
    let connect = Request::connect("example.org:443").body(Body::default()).unwrap();
    assert!(connection(&bench.send(connect).await).is_empty());
}

const MARKER: &str = "x-envoy-immediate-health-check-fail";

fn marked(phase: Phase) -> Bench {
    let value = HeaderValue::from_static("true");
    Bench::new(phase)
        .with(|options| options.marker = Some((HeaderName::from_static(MARKER), value)))
}

#[tokio::test]
async fn every_answer_that_notifies_has_the_marker_once_and_one_connection_header() {
    let already = || {
        let builder = Response::builder().header(MARKER, "theirs").header(MARKER, "twice");
        builder.header(header::CONNECTION, "x-hop").body(Body::default()).unwrap()
    };
    for phase in [Phase::LameDuck, Phase::Draining] {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let bench = marked(phase).answering(already);
            let response = bench.send(get_on(version)).await;
            let markers: Vec<_> = response.headers().get_all(MARKER).iter().collect();
            assert_eq!(markers, ["true"], "{phase} {version:?}");
            let found = connection(&response);
            assert!(found.len() <= 1, "{phase} {version:?}: {found:?}");
            assert_eq!(found.iter().any(|all| all.ends_with("close")), version == Version::HTTP_11);
        }
    }
}

#[tokio::test]
async fn an_answer_that_does_not_notify_has_no_marker() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let response = marked(Phase::Running).send(get_on(version)).await;
        assert!(!response.headers().contains_key(MARKER));
    }
    let unmarked = Bench::new(Phase::Draining).get("/").await;
    assert!(!unmarked.headers().contains_key(MARKER));
}
