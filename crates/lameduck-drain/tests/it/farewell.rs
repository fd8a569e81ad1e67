//! How clients are asked to leave.

use http::{Response, StatusCode, Version, header};
use lameduck_core::Phase;

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
        let bench = Bench::new(phase).with(|drain| drain.with_exempt(|_, _, _| true));
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(connection(&bench.send(get_on(version)).await), ["close"], "{phase}");
        }
    }
}

#[tokio::test]
async fn before_lame_duck_and_after_it_is_undone_no_answer_says_close() {
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
    check(|| with_connection("x-hop"), &["x-hop", "close"]).await;
}
