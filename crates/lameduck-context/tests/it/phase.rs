//! How a stop of the server ends its requests.

use std::{pin::pin, sync::Arc, time::Duration};

use http::{Response, StatusCode, Version};
use lameduck_context::{CancelReason, ContextLayer};
use lameduck_core::{MaybeExecuted, Phase, PhaseSender, phase_channel};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};

use crate::support::{
    Answer, Left, OnDrop, ask, ask_grpc, cancelling_at, current, handler, hello, problem,
};

/// How much of the drain a layer keeps for the answer.
const RESERVE: Duration = Duration::from_millis(50);

fn stopping() -> (PhaseSender, ContextLayer) {
    let (sender, phase) = phase_channel();
    sender.publish(Phase::Running);
    (sender, ContextLayer::new().with_timeout(Duration::from_secs(60)).with_phase(phase))
}

#[tokio::test(start_paused = true)]
async fn at_cancelling_the_context_says_shutdown_and_the_handler_runs_on() {
    let (sender, layer) = stopping();
    let service = layer.layer(handler(|_| async {
        let context = current();
        assert_eq!(context.cancelled().await, CancelReason::Shutdown);
        sleep(Duration::from_secs(2)).await;
        hello()
    }));
    let stop = async {
        sleep(Duration::from_secs(1)).await;
        for phase in [Phase::LameDuck, Phase::Draining, Phase::Cancelling] {
            sender.publish(phase);
        }
    };
    let began = Instant::now();
    let (response, ()) = tokio::join!(service.oneshot(ask()), stop);
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);
    assert_eq!(began.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_asks_for_its_context_runs_on_until_forced() {
    let (sender, layer) = stopping();
    let service = layer.layer(handler(|_| async {
        sleep(Duration::from_secs(2)).await;
        hello()
    }));
    let stop = async { sender.publish(Phase::Cancelling) };
    let (response, _) = tokio::join!(service.oneshot(ask()), stop);
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn at_forced_the_handler_is_dropped_and_answered_503() {
    let (sender, layer) = stopping();
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        let (context, theirs) = (current(), theirs.clone());
        async move {
            let _guard = OnDrop { left: theirs, read: move || context.reason() };
            std::future::pending::<Answer>().await
        }
    }));
    let stop = async {
        sleep(Duration::from_secs(1)).await;
        sender.publish(Phase::Forced);
    };
    let began = Instant::now();
    let (response, ()) = tokio::join!(service.oneshot(ask()), stop);
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    assert_eq!(left.take(), Some(CancelReason::Shutdown));
    let response = response.expect("infallible");
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["connection"], "close");
    assert!(response.extensions().get::<MaybeExecuted>().is_some());
    let id = response.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
    let problem = problem(response).await;
    assert_eq!(problem["code"], "shutdown_forced");
    assert_eq!(problem["data"], serde_json::json!({ "request_id": id, "timeout_ms": 60_000 }));
}

#[tokio::test(start_paused = true)]
async fn only_an_http_1_client_is_asked_to_close_its_connection() {
    let (sender, layer) = stopping();
    sender.publish(Phase::Forced);
    let service = layer.layer(handler(|_| std::future::pending::<Answer>()));
    for (version, closes) in [
        (Version::HTTP_10, true),
        (Version::HTTP_11, true),
        (Version::HTTP_2, false),
        (Version::HTTP_3, false),
    ] {
        let mut request = ask();
        *request.version_mut() = version;
        let response = service.clone().oneshot(request).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers().contains_key("connection"), closes, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_forced_a_grpc_call_is_answered_unavailable() {
    let (sender, layer) = stopping();
    sender.publish(Phase::Forced);
    let service = layer.layer(handler(|_| std::future::pending::<Answer>()));
    let response = service.oneshot(ask_grpc()).await.expect("infallible");
    assert_eq!(
        (response.status(), &response.headers()["grpc-status"]),
        (StatusCode::OK, &"14".parse().expect("a value"))
    );
    // It may have run. The bare status would let a retry policy repeat it.
    assert_eq!(response.headers()["grpc-retry-pushback-ms"], "-1");
    assert!(!response.headers().contains_key("connection"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_ready_as_forced_begins_wins() {
    let (sender, layer) = stopping();
    let service = layer.layer(handler(|_| async {
        sleep(Duration::from_secs(1)).await;
        hello()
    }));
    let stop = async {
        sleep(Duration::from_secs(1)).await;
        sender.publish(Phase::Forced);
    };
    let (response, ()) = tokio::join!(biased; service.oneshot(ask()), stop);
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);
    // And one that needs no second poll.
    let (sender, layer) = stopping();
    sender.publish(Phase::Forced);
    let service = layer.layer(handler(|_| async { hello() }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn no_deadline_lies_after_the_end_of_the_drain() {
    let (sender, layer) = stopping();
    let sender = Arc::new(sender);
    let service = layer.layer(handler(move |_| {
        let now = Instant::now();
        let in_secs = move |secs| Some(now + Duration::from_secs(secs));
        let context = current();
        assert_eq!(context.deadline(), in_secs(60));
        sender.set_deadlines(cancelling_at(in_secs(20).map(Instant::into_std)));
        let before = |secs| in_secs(secs).map(|at| at - RESERVE);
        assert_eq!(context.deadline(), before(20));
        assert_eq!(context.remaining(), Some(Duration::from_secs(20) - RESERVE));
        sender.set_deadlines(cancelling_at(in_secs(90).map(Instant::into_std)));
        assert_eq!(context.deadline(), in_secs(60), "a stop never makes it later");
        // The stop is cancelled.
        sender.set_deadlines(cancelling_at(None));
        assert_eq!(context.deadline(), in_secs(60));
        async { hello() }
    }));
    service.oneshot(ask()).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_drain_is_a_deadline_where_there_is_no_other() {
    let (sender, phase) = phase_channel();
    let end = Instant::now() + Duration::from_secs(20);
    sender.set_deadlines(cancelling_at(Some(end.into_std())));
    let service = ContextLayer::new().with_phase(phase).layer(handler(move |_| {
        assert_eq!(current().deadline(), Some(end - RESERVE));
        async { hello() }
    }));
    service.oneshot(ask()).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_follows_a_phase_keeps_50_ms_of_the_drain_for_the_answer() {
    let deadline = async |layer: ContextLayer| {
        let left = Left::new();
        let theirs = left.clone();
        let service = layer.layer(handler(move |_| {
            theirs.leave(current().deadline());
            async { hello() }
        }));
        service.oneshot(ask()).await.expect("infallible");
        left.take()
    };
    let (sender, phase) = phase_channel();
    let end = Instant::now() + Duration::from_secs(20);
    sender.set_deadlines(cancelling_at(Some(end.into_std())));
    let layer = ContextLayer::new().with_phase(phase);
    assert_eq!(deadline(layer.clone()).await, Some(end - Duration::from_millis(50)));
    let other = Duration::from_secs(1);
    let layer = layer.with_options(|options| options.timeouts.drain_reserve = other);
    assert_eq!(deadline(layer).await, Some(end - other));
    // Without a phase, there is no drain to reserve a part of.
    let layer = ContextLayer::new().with_timeout(other);
    assert_eq!(deadline(layer).await, Some(Instant::now() + other));
}

#[tokio::test(start_paused = true)]
async fn the_first_reason_stays() {
    let (sender, layer) = stopping();
    let service = layer.layer(handler(|_| async {
        let context = current();
        sleep(Duration::from_secs(60)).await;
        // The deadline comes second, and no code has read the reason in between.
        sleep(Duration::from_millis(100)).await;
        assert_eq!(context.reason(), Some(CancelReason::Shutdown));
        hello()
    }));
    let stop = async {
        sleep(Duration::from_secs(30)).await;
        sender.publish(Phase::Cancelling);
    };
    let (response, ()) = tokio::join!(service.oneshot(ask()), stop);
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);

    let (sender, layer) = stopping();
    let service = layer.layer(handler(|_| async {
        let context = current();
        sleep(Duration::from_millis(60_200)).await;
        assert_eq!(context.reason(), Some(CancelReason::DeadlineExceeded));
        hello()
    }));
    let stop = async {
        sleep(Duration::from_millis(60_100)).await;
        sender.publish(Phase::Cancelling);
    };
    let (response, ()) = tokio::join!(service.oneshot(ask()), stop);
    assert_eq!(response.expect("infallible").status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn work_that_was_spawned_is_notified_of_the_stop_while_the_request_is_not_polled() {
    let (sender, layer) = stopping();
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        let (context, theirs) = (current(), theirs.clone());
        #[expect(clippy::disallowed_methods, reason = "what a user does")]
        tokio::spawn(async move { theirs.leave(context.cancelled().await) });
        std::future::pending::<Answer>()
    }));
    let mut request = pin!(service.oneshot(ask()));
    tokio::select! {
        biased;
        _ = &mut request => unreachable!("it waits for ever"),
        () = sleep(Duration::from_secs(1)) => (),
    }
    assert!(left.is_empty());
    sender.publish(Phase::Cancelling);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(left.take(), CancelReason::Shutdown);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_while_cancelling_is_cancelled_from_the_start() {
    let (sender, layer) = stopping();
    sender.publish(Phase::Cancelling);
    let service = layer.layer(handler(|_| async {
        assert!(current().is_cancelled());
        assert_eq!(current().cancelled().await, CancelReason::Shutdown);
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_closure_answers_for_the_stop_as_well() {
    let (sender, phase) = phase_channel();
    sender.publish(Phase::Forced);
    let layer = ContextLayer::new().with_phase(phase).with_response(|interrupted| {
        assert_eq!((interrupted.reason(), interrupted.timeout()), (CancelReason::Shutdown, None));
        let mut response = Response::new(bytes::Bytes::from_static(b"gone"));
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    });
    let service = layer.layer(handler(|_| std::future::pending::<Answer>()));
    let response = service.oneshot(ask()).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(response.headers()["connection"], "close");
    assert!(response.extensions().get::<MaybeExecuted>().is_some());
}
