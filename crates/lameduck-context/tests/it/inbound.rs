//! Deadlines that come with a request.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::BodyExt;
use lameduck_context::{
    BodyInterrupted, CancelReason, ContextLayer, DeadlineSource, InboundDeadline,
};
use lameduck_core::{MaybeExecuted, NotExecuted, phase_channel};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt};

use crate::support::{
    Answer, Ask, Left, ask, ask_grpc, ask_with, cancelling_at, current, data, fed, handler, hello,
    problem,
};

const SEC: Duration = Duration::from_secs(1);

fn trusting() -> ContextLayer {
    ContextLayer::new()
        .with_options(|options| options.inbound_deadline = Some(InboundDeadline::new()))
}

/// How long the handler may take, in milliseconds. `None` if the request did not enter it.
async fn left(layer: &ContextLayer, request: Ask) -> Option<Option<u128>> {
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        theirs.leave(current().remaining().map(|left| left.as_millis()));
        async { hello() }
    }));
    let response = service.oneshot(request).await.expect("infallible");
    let rejected = response.extensions().get::<NotExecuted>().is_some();
    assert_eq!(rejected, left.is_empty());
    (!rejected).then(|| left.take())
}

#[tokio::test(start_paused = true)]
async fn a_callers_deadline_is_not_read_unless_the_option_is_set() {
    let layer = ContextLayer::new().with_timeout(9 * SEC);
    assert_eq!(left(&layer, ask_with("grpc-timeout", "1S")).await, Some(Some(9000)));
    let layer = ContextLayer::new();
    assert_eq!(left(&layer, ask_with("x-request-timeout-ms", "0")).await, Some(None));
}

#[tokio::test(start_paused = true)]
async fn a_callers_deadline_is_read_in_each_of_its_formats() {
    for (name, value, millis) in [
        ("grpc-timeout", "2S", Some(2000)),
        ("grpc-timeout", "1500m", Some(1500)),
        ("grpc-timeout", "00000001M", Some(60_000)),
        ("grpc-timeout", "99999999u", Some(99_999)),
        ("grpc-timeout", "99999999H", Some(3_600_000)),
        ("x-envoy-expected-rq-timeout-ms", "250", Some(250)),
        ("x-envoy-expected-rq-timeout-ms", "0", None),
        ("x-request-timeout-ms", "18446744073709551615", Some(3_600_000)),
        ("x-request-timeout-ms", "99999999999999999999", Some(3_600_000)),
        // Invalid values.
        ("grpc-timeout", "100000000S", None),
        ("grpc-timeout", "S", None),
        ("grpc-timeout", "-1S", None),
        ("grpc-timeout", "1 S", None),
        ("grpc-timeout", "1s", None),
        ("x-request-timeout-ms", "1.5", None),
        ("x-request-timeout-ms", "+5", None),
        ("x-request-timeout-ms", "", None),
        // Not among the sources.
        ("request-timeout", "5", None),
    ] {
        let read = left(&trusting(), ask_with(name, value)).await;
        assert_eq!(read, Some(millis), "{name}: {value}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_custom_source_is_read_as_well() {
    let mut inbound = InboundDeadline::new();
    inbound.sources = vec![
        DeadlineSource::seconds(HeaderName::from_static("request-timeout")),
        DeadlineSource::custom(HeaderName::from_static("x-soon"), |value| {
            (value == "soon").then_some(SEC)
        }),
    ];
    let layer =
        ContextLayer::new().with_options(|options| options.inbound_deadline = Some(inbound));
    assert_eq!(left(&layer, ask_with("request-timeout", "2.5")).await, Some(Some(2500)));
    assert_eq!(left(&layer, ask_with("x-soon", "soon")).await, Some(Some(1000)));
    assert_eq!(left(&layer, ask_with("x-soon", "later")).await, Some(None));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "1S")).await, Some(None));
    assert_eq!(layer.counts().invalid_deadlines(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_callers_deadline_only_shortens() {
    let layer = trusting().with_timeout(5 * SEC);
    assert_eq!(left(&layer, ask_with("grpc-timeout", "2S")).await, Some(Some(2000)));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "20S")).await, Some(Some(5000)));
    assert_eq!(layer.counts().deadline_shortened(), 1);
    let mut inbound = InboundDeadline::new();
    inbound.maximum = Some(3 * SEC);
    inbound.reserve = SEC / 10;
    let layer =
        ContextLayer::new().with_options(|options| options.inbound_deadline = Some(inbound));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "20S")).await, Some(Some(3000)));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "2S")).await, Some(Some(1900)));
}

#[tokio::test(start_paused = true)]
async fn of_several_headers_the_shortest_counts_and_of_several_lines_none() {
    let mut request = ask_with("grpc-timeout", "3S");
    request.headers_mut().append("x-request-timeout-ms", HeaderValue::from_static("700"));
    assert_eq!(left(&trusting(), request).await, Some(Some(700)));
    let mut request = ask_with("grpc-timeout", "3S");
    request.headers_mut().append("grpc-timeout", HeaderValue::from_static("1S"));
    assert_eq!(left(&trusting(), request).await, Some(None));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_with_3_s_of_drain_left_has_3_s_less_the_reserve() {
    let (sender, phase) = phase_channel();
    let layer = trusting().with_phase(phase);
    sender.set_deadlines(cancelling_at(Some((Instant::now() + 3 * SEC).into_std())));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "20S")).await, Some(Some(2950)));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "2S")).await, Some(Some(2000)));
    assert_eq!(left(&layer, ask()).await, Some(Some(2950)));
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_deadline_has_passed_does_not_enter_its_handler() {
    let layer = trusting();
    for value in ["0n", "0H", "00000000S"] {
        assert_eq!(left(&layer, ask_with("grpc-timeout", value)).await, None);
    }
    assert_eq!(layer.counts().deadline_expired(), 3);
    // Less is left than the way back takes.
    let mut inbound = InboundDeadline::new();
    inbound.reserve = SEC;
    let layer =
        ContextLayer::new().with_options(|options| options.inbound_deadline = Some(inbound));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "1S")).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_late_request_does_not_make_the_next_one_late() {
    // On one thread the next request has the same context, and this layer reads no deadline.
    let reads_none = ContextLayer::new().on_request_id(|_| ());
    assert_eq!(left(&trusting(), ask_with("grpc-timeout", "0S")).await, None);
    assert_eq!(left(&reads_none, ask()).await, Some(None));
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_late_request_says_that_nothing_was_executed() {
    let service = trusting().layer(handler(|_| async { hello() }));
    let request = ask_with("x-request-timeout-ms", "0");
    let response = service.clone().oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(response.extensions().get::<NotExecuted>().is_some());
    assert!(response.extensions().get::<MaybeExecuted>().is_none());
    let id = response.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
    let problem = problem(response).await;
    assert_eq!(problem["code"], "deadline_expired");
    assert_eq!(problem["data"], serde_json::json!({ "request_id": id }));

    let mut request = ask_grpc();
    request.headers_mut().append("grpc-timeout", HeaderValue::from_static("0m"));
    let response = service.oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["grpc-status"], "4");
    assert!(response.extensions().get::<NotExecuted>().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_rejects_no_request_that_comes_in_time() {
    let layer = trusting().with_timeout(Duration::ZERO);
    assert_eq!(left(&layer, ask_with("grpc-timeout", "2S")).await, Some(Some(0)));
    assert_eq!(layer.counts().deadline_expired(), 0);
    assert_eq!(left(&layer, ask_with("grpc-timeout", "0S")).await, None);
}

#[tokio::test(start_paused = true)]
async fn with_count_only_deadlines_are_only_counted() {
    let mut inbound = InboundDeadline::new();
    inbound.count_only = true;
    let layer = ContextLayer::new()
        .with_timeout(9 * SEC)
        .with_options(|options| options.inbound_deadline = Some(inbound));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "0S")).await, Some(Some(9000)));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "1S")).await, Some(Some(9000)));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "99S")).await, Some(Some(9000)));
    assert_eq!(left(&layer, ask_with("grpc-timeout", "?")).await, Some(Some(9000)));
    let counts = layer.counts();
    assert_eq!((counts.deadline_expired(), counts.deadline_shortened()), (1, 1));
    assert_eq!(counts.invalid_deadlines(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_dropped_at_its_callers_deadline_and_the_answer_names_it() {
    let waits = handler(|_| std::future::pending::<Answer>());
    let service = trusting().with_timeout(9 * SEC).layer(waits);
    let began = Instant::now();
    let response = service.oneshot(ask_with("grpc-timeout", "1500m")).await.expect("infallible");
    assert_eq!(began.elapsed(), Duration::from_millis(1500));
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(response.extensions().get::<MaybeExecuted>().is_some());
    assert_eq!(problem(response).await["data"]["timeout_ms"], 1500);
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_counts_from_the_arrival() {
    // The layer's own limit counts from the first wait. This handler's thread is busy before that.
    let service = trusting().layer(handler(|_| async {
        tokio::time::advance(SEC / 2).await;
        assert_eq!(current().remaining(), Some(SEC / 2));
        hello()
    }));
    service.oneshot(ask_with("grpc-timeout", "1S")).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_begins_late_does_not_end_after_the_callers_deadline() {
    let waits = handler(|_| std::future::pending::<Answer>());
    let mut service = trusting().with_timeout(5 * SEC).layer(waits);
    let began = Instant::now();
    let future = service.call(ask_with("grpc-timeout", "6S"));
    // The limit counts from the first wait, the caller's deadline from the arrival.
    tokio::time::advance(3 * SEC).await;
    let response = future.await.expect("infallible");
    assert_eq!(began.elapsed(), 6 * SEC);
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_callers_deadline_ends_the_body_too_and_a_handlers_limit_does_not() {
    for (request, cut_after) in [(ask_with("grpc-timeout", "2S"), Some(2 * SEC)), (ask(), None)] {
        let layer = trusting().with_timeout(SEC);
        let service = layer.layer(handler(|_| {
            let (feed, body) = fed();
            spawn(async move {
                for _ in 0..50 {
                    sleep(SEC / 10).await;
                    let _ = feed.send(data("x"));
                }
            });
            async { http::Response::new(body) }
        }));
        let began = Instant::now();
        let response = service.oneshot(request).await.expect("infallible");
        let read = response.into_body().collect().await;
        match cut_after {
            Some(after) => {
                let error = read.expect_err("it was cut");
                let error = error.downcast_ref::<BodyInterrupted>().expect("ours");
                assert_eq!(error.reason(), CancelReason::DeadlineExceeded);
                assert_eq!(began.elapsed().as_millis() / 100, after.as_millis() / 100);
                assert_eq!(layer.counts().bodies_cut(), 1);
                assert_eq!(layer.counts().client_gone(), 0);
            }
            None => assert_eq!(read.expect("not cut").to_bytes().len(), 50),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_has_the_limit_that_the_closure_returns() {
    let layer = ContextLayer::new().with_timeout(SEC).with_timeout_by(|head| {
        match (head.method().as_str(), head.uri().path()) {
            ("GET", "/events") => None,
            ("GET", "/report") => Some(60 * SEC),
            _ => Some(2 * SEC),
        }
    });
    for (path, expected) in [("/events", None), ("/report", Some(60_000)), ("/", Some(2000))] {
        let mut request = ask();
        *request.uri_mut() = path.parse().expect("a path");
        assert_eq!(left(&layer, request).await, Some(expected), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_inside_a_router_never_has_more_than_the_routers_limit() {
    let inner = ContextLayer::new().with_timeout(60 * SEC);
    let service = trusting().layer(inner.layer(handler(|_| async {
        assert_eq!(current().remaining(), Some(2 * SEC));
        // Held, so that it is notified at the outer deadline and has the grace.
        let context = current();
        assert_eq!(context.cancelled().await, CancelReason::DeadlineExceeded);
        hello()
    })));
    let response = service.oneshot(ask_with("grpc-timeout", "2S")).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn an_error_names_the_header_and_not_the_value() {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-timeout", HeaderValue::from_static("secret"));
    let error = DeadlineSource::grpc().read(&headers).expect("there").expect_err("invalid");
    let text = error.to_string();
    assert!(text.contains("grpc-timeout") && !text.contains("secret"), "{text}");
}

#[expect(clippy::disallowed_methods, reason = "a stand-in for a feed")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
