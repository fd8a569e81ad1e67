//! The time limit of a handler, in both layers that have one.

use std::{future::Future, pin::pin, time::Duration};

use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use lameduck_context::{CancelReason, ContextLayer, TimeoutLayer};
use lameduck_core::MaybeExecuted;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt};

use crate::support::{Answer, Ask, Left, OnDrop, ask, ask_grpc, ask_with, handler, hello, problem};

const LIMIT: Duration = Duration::from_millis(100);

/// A response without the type of its body.
struct Seen {
    status: StatusCode,
    headers: http::HeaderMap,
    maybe_executed: bool,
    body: String,
    took: Duration,
}

async fn seen<B>(response: Response<B>, began: Instant) -> Seen
where
    B: Body<Error: std::fmt::Debug>,
{
    let took = began.elapsed();
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("no error").to_bytes();
    Seen {
        status: head.status,
        headers: head.headers,
        maybe_executed: head.extensions.get::<MaybeExecuted>().is_some(),
        body: String::from_utf8(body.to_vec()).expect("UTF-8"),
        took,
    }
}

/// Sends the same request through both layers.
async fn both<F, Fut>(limit: Duration, request: fn() -> Ask, f: F) -> [Seen; 2]
where
    F: Fn() -> Fut + Clone + Send,
    Fut: Future<Output = Answer> + Send,
{
    let service = handler(move |_| f());
    let began = Instant::now();
    let light = TimeoutLayer::new(limit).layer(service.clone());
    let light = seen(light.oneshot(request()).await.expect("infallible"), began).await;
    let began = Instant::now();
    let full = ContextLayer::new().with_timeout(limit).layer(service);
    let full = seen(full.oneshot(request()).await.expect("infallible"), began).await;
    [light, full]
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_answered_504_at_its_deadline() {
    for seen in both(LIMIT, ask, std::future::pending).await {
        assert_eq!(seen.status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(seen.took.as_millis(), 100);
        assert!(seen.maybe_executed);
        assert_eq!(seen.headers["cache-control"], "no-store");
        assert!(!seen.headers.contains_key("connection"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_504_is_a_problem_document_with_code_request_id_and_limit() {
    let layer = ContextLayer::new().with_timeout(LIMIT);
    let service = layer.layer(handler(|_| std::future::pending::<Answer>()));
    let response = service.oneshot(ask_with("x-request-id", "mine")).await.expect("infallible");
    assert_eq!(response.headers()["x-request-id"], "mine");
    let problem = problem(response).await;
    assert_eq!(problem["code"], "deadline_exceeded");
    assert_eq!(problem["status"], 504);
    assert_eq!(problem["message"], "The request took longer than its limit of 100ms.");
    assert_eq!(problem["data"], serde_json::json!({ "request_id": "mine", "timeout_ms": 100 }));

    let service = TimeoutLayer::new(LIMIT).layer(handler(|_| std::future::pending::<Answer>()));
    let problem = problem_of(service.oneshot(ask()).await.expect("infallible")).await;
    assert_eq!(problem["code"], "deadline_exceeded");
    assert_eq!(problem["data"], serde_json::json!({ "timeout_ms": 100 }));
}

async fn problem_of<B: Body<Error: std::fmt::Debug>>(response: Response<B>) -> serde_json::Value {
    problem(response).await
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_is_answered_deadline_exceeded_in_trailers_only() {
    for seen in both(LIMIT, ask_grpc, std::future::pending).await {
        assert_eq!(seen.status, StatusCode::OK);
        assert_eq!(seen.headers["grpc-status"], "4");
        assert_eq!(seen.headers["content-type"], "application/grpc");
        assert_eq!(seen.body, "");
        assert!(seen.maybe_executed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_ready_in_the_same_tick_as_its_deadline_wins() {
    let answers = both(LIMIT, ask, || async {
        sleep(LIMIT).await;
        hello()
    });
    for seen in answers.await {
        assert_eq!((seen.status, seen.body.as_str()), (StatusCode::OK, "hello"));
        assert_eq!(seen.took.as_millis(), 100);
        assert!(!seen.maybe_executed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_wakes_often_is_still_dropped_at_its_deadline() {
    let answers = both(LIMIT, ask, || async {
        loop {
            sleep(Duration::from_millis(1)).await;
        }
    });
    for seen in answers.await {
        assert_eq!(seen.status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(seen.took.as_millis(), 100);
    }
}

#[tokio::test]
async fn a_handler_that_uses_up_the_budget_of_its_task_is_still_dropped() {
    let answers = both(Duration::from_millis(20), ask, || async {
        // It uses all of the budget, so that none is left for a timer.
        loop {
            tokio::task::consume_budget().await;
        }
    });
    for seen in tokio::time::timeout(Duration::from_secs(30), answers).await.expect("dropped") {
        assert_eq!(seen.status, StatusCode::GATEWAY_TIMEOUT);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_lets_a_handler_answer_that_is_ready_at_once_and_no_other() {
    for seen in both(Duration::ZERO, ask, || async { hello() }).await {
        assert_eq!(seen.status, StatusCode::OK);
    }
    let answers = both(Duration::ZERO, ask, || async {
        sleep(Duration::from_secs(1)).await;
        hello()
    });
    for seen in answers.await {
        assert_eq!(seen.status, StatusCode::GATEWAY_TIMEOUT);
        assert!(seen.took < Duration::from_millis(2), "took {:?}", seen.took);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_past_the_end_of_the_clock_is_as_good_as_none() {
    let answers = both(Duration::MAX, ask, || async {
        sleep(Duration::from_secs(60 * 60 * 24 * 365)).await;
        hello()
    });
    for seen in answers.await {
        assert_eq!(seen.status, StatusCode::OK);
    }
}

#[test]
fn a_handler_that_is_ready_needs_neither_clock_nor_timer() {
    // Time is not enabled: even to make a timer panics.
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for seen in runtime.block_on(both(LIMIT, ask, || async { hello() })) {
        assert_eq!((seen.status, seen.body.as_str()), (StatusCode::OK, "hello"));
    }
}

#[test]
fn a_handler_that_waits_without_a_limit_needs_no_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let service = ContextLayer::new().layer(handler(|_| async {
        tokio::task::yield_now().await;
        hello()
    }));
    let response = runtime.block_on(service.oneshot(ask())).expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_handler_is_dropped_before_the_layer_answers() {
    let left = Left::new();
    let theirs = left.clone();
    let service = handler(move |_| {
        let guard = OnDrop { left: theirs.clone(), read: || "dropped" };
        async move {
            let _guard = guard;
            std::future::pending::<Answer>().await
        }
    });
    // The layer's future is still alive when the answer is there.
    let mut light = pin!(TimeoutLayer::new(LIMIT).layer(service.clone()).call(ask()));
    light.as_mut().await.expect("infallible");
    assert_eq!(left.take(), "dropped");
    let layer = ContextLayer::new().with_timeout(LIMIT);
    let mut full = pin!(layer.layer(service).call(ask()));
    full.as_mut().await.expect("infallible");
    assert_eq!(left.take(), "dropped");
}

#[tokio::test(start_paused = true)]
async fn a_closure_makes_the_answer_and_the_layer_completes_it() {
    let layer = ContextLayer::new().with_timeout(LIMIT).with_response(|interrupted| {
        assert_eq!(interrupted.reason(), CancelReason::DeadlineExceeded);
        assert_eq!(interrupted.timeout(), Some(LIMIT));
        let id = interrupted.request_id().expect("an id").to_owned();
        let mut response = Response::new(bytes::Bytes::from(id));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    });
    let service = layer.layer(handler(|_| std::future::pending::<Answer>()));
    let request = ask_with("x-request-id", "mine");
    let response = service.clone().oneshot(request).await.expect("infallible");
    let answer = seen(response, Instant::now()).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::IM_A_TEAPOT, "mine"));
    assert_eq!(answer.headers["x-request-id"], "mine");
    assert!(answer.maybe_executed);

    let response = service.oneshot(ask_grpc()).await.expect("infallible");
    assert_eq!(response.headers()["grpc-status"], "4");
}
