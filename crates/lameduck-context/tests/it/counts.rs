//! How many requests had which outcome.

use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use lameduck_context::{ContextCounts, ContextLayer};
use lameduck_core::{Phase, phase_channel};
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt};

use crate::support::{Answer, ask, current, data, fed, handler, hello};

const SEC: Duration = Duration::from_secs(1);

/// Notified, answered in grace, deadline exceeded, forced, client gone, bodies cut.
fn all(counts: &ContextCounts) -> [u64; 6] {
    [
        counts.notified(),
        counts.answered_in_grace(),
        counts.deadline_exceeded(),
        counts.forced(),
        counts.client_gone(),
        counts.bodies_cut(),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_reacts_answers_within_the_grace_and_one_that_does_not_is_dropped() {
    let layer = ContextLayer::new().with_timeout(SEC);
    let reacts = layer.layer(handler(|_| async {
        current().cancelled().await;
        sleep(SEC / 10).await;
        hello()
    }));
    let ignores = layer.layer(handler(|_| async {
        let _context = current();
        std::future::pending::<Answer>().await
    }));
    let never_asked = layer.layer(handler(|_| std::future::pending::<Answer>()));
    let began = Instant::now();
    for _ in 0..3 {
        let response = reacts.clone().oneshot(ask()).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::OK);
        response.into_body().collect().await.expect("whole");
    }
    assert_eq!(began.elapsed(), 3 * (SEC + SEC / 10));
    for _ in 0..2 {
        let began = Instant::now();
        let response = ignores.clone().oneshot(ask()).await.expect("infallible");
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(began.elapsed(), Duration::from_millis(1500));
    }
    let response = never_asked.oneshot(ask()).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(all(&layer.counts()), [5, 3, 3, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_changes_no_count() {
    let layer = ContextLayer::new()
        .with_timeout(SEC)
        .with_options(|options| options.timeouts.body = Some(SEC));
    let service = layer.layer(handler(|_| async {
        sleep(SEC / 2).await;
        hello()
    }));
    let response = service.oneshot(ask()).await.expect("infallible");
    response.into_body().collect().await.expect("whole");
    assert_eq!(all(&layer.counts()), [0; 6]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_counted_once_before_the_answer_or_within() {
    let layer = ContextLayer::new();
    let mut waits = layer.layer(handler(|_| std::future::pending::<Answer>()));
    drop(waits.call(ask()));
    assert_eq!(all(&layer.counts()), [0, 0, 0, 0, 1, 0]);
    let streams = layer.layer(handler(|_| async {
        let (feed, body) = fed();
        feed.send(data("x")).expect("open");
        std::mem::forget(feed);
        http::Response::new(body)
    }));
    drop(streams.oneshot(ask()).await.expect("infallible"));
    assert_eq!(all(&layer.counts()), [0, 0, 0, 0, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_must_not_be_there_is_not_counted_as_a_client_that_left() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let layer = ContextLayer::new();
        let service = layer.layer(handler(move |_| {
            let mut response = hello();
            *response.status_mut() = status;
            async { response }
        }));
        // As a server does, which must not send it.
        drop(service.oneshot(ask()).await.expect("infallible"));
        assert_eq!(all(&layer.counts()), [0; 6], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_is_not_counted_as_a_client_that_left() {
    let layer = ContextLayer::new();
    let mut panics = layer.layer(handler(|_| async {
        assert!(current().is_cancelled(), "a mistake of the handler");
        hello()
    }));
    // As in a server's task, the panic drops the future.
    let answer = tokio::task::JoinSet::from_iter([panics.call(ask())]).join_next().await;
    assert!(answer.expect("one task").expect_err("a panic").is_panic());
    assert_eq!(all(&layer.counts()), [0; 6]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_cut_is_counted_as_that_and_not_as_a_client_that_left() {
    let (sender, phase) = phase_channel();
    let layer = ContextLayer::new()
        .with_phase(phase)
        .with_options(|options| options.timeouts.body = Some(SEC));
    let streams = layer.layer(handler(|_| async {
        let (feed, body) = fed();
        std::mem::forget(feed);
        http::Response::new(body)
    }));
    let response = streams.oneshot(ask()).await.expect("infallible");
    response.into_body().collect().await.expect_err("cut");
    assert_eq!(all(&layer.counts()), [0, 0, 0, 0, 0, 1]);
    sender.publish(Phase::Forced);
    let waits = layer.layer(handler(|_| std::future::pending::<Answer>()));
    waits.oneshot(ask()).await.expect("infallible");
    assert_eq!(all(&layer.counts()), [0, 0, 0, 1, 0, 1]);
}
