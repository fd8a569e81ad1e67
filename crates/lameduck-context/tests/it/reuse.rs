//! Contexts are used again; no data of one request may reach another.

use std::time::Duration;

use http::Response;
use http_body_util::BodyExt;
use lameduck_context::{CancelReason, ContextLayer};
use lameduck_core::{Phase, phase_channel};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};

use crate::support::{Answer, Left, ask, ask_with, current, current_id, data, fed, handler, hello};

const ID: &str = "x-request-id";

/// Runs requests on this thread that use every part of their contexts.
async fn use_contexts_up() {
    let (sender, phase) = phase_channel();
    sender.publish(Phase::Cancelling);
    let layers = [
        ContextLayer::new(),
        ContextLayer::new().with_timeout(Duration::from_secs(1)),
        ContextLayer::new().with_phase(phase),
    ];
    for layer in layers {
        // With an inbound id, a deadline, a reason and a declared length.
        let service = layer.clone().layer(handler(|_| async {
            let context = current();
            let _ = (context.request_id(), context.deadline(), context.reason());
            let mut response = hello();
            response.headers_mut().insert("content-length", "5".parse().expect("a value"));
            drop(context);
            response
        }));
        service.clone().oneshot(ask_with(ID, "old")).await.expect("infallible");
        service.oneshot(ask()).await.expect("infallible");
        // Dropped at its deadline, or by its client.
        let service = layer.layer(handler(|_| async {
            let _ = (current().request_id(), current().deadline());
            std::future::pending::<Answer>().await
        }));
        let answer = service.oneshot(ask_with(ID, "old"));
        let _ = tokio::time::timeout(Duration::from_secs(9), answer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_context_that_was_used_before_remembers_nothing() {
    use_contexts_up().await;
    for _ in 0..10 {
        let began = Instant::now();
        let layer = ContextLayer::new()
            .with_options(|options| options.request_id = None)
            .with_timeout(Duration::from_secs(30));
        let service = layer.layer(handler(move |_| async move {
            let context = current();
            assert_eq!(context.request_id(), None);
            assert_eq!(context.deadline(), Some(began + Duration::from_secs(30)));
            assert_eq!(context.reason(), None);
            hello()
        }));
        service.oneshot(ask()).await.expect("infallible");
        let service = ContextLayer::new().layer(handler(|_| async {
            assert_ne!(current_id().as_deref(), Some("old"));
            assert_eq!(current().deadline(), None);
            hello()
        }));
        service.oneshot(ask()).await.expect("infallible");
    }
}

#[tokio::test(start_paused = true)]
async fn the_length_of_one_answer_is_not_that_of_the_next() {
    let left = Left::new();
    let theirs = left.clone();
    let service = ContextLayer::new().layer(handler(move |_| {
        theirs.leave(current());
        let (feed, body) = fed();
        feed.send(data("x")).expect("open");
        let mut response = Response::new(body);
        response.headers_mut().insert("content-length", "1".parse().expect("a value"));
        async { response }
    }));
    let response = service.oneshot(ask()).await.expect("infallible");
    // Held while the length is noted, and dropped before the body is read.
    drop(left.take());
    response.into_body().frame().await.expect("a frame").expect("no error");

    let theirs = left.clone();
    let service = ContextLayer::new().layer(handler(move |_| {
        theirs.leave(current());
        let (_, body) = fed();
        async { Response::new(body) }
    }));
    drop(service.oneshot(ask()).await.expect("infallible"));
    assert_eq!(left.take().reason(), Some(CancelReason::ClientGone));
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_held_is_not_used_again() {
    let held = Left::new();
    let theirs = held.clone();
    let service = ContextLayer::new().layer(handler(move |_| {
        theirs.leave(current());
        async { hello() }
    }));
    let response = service.clone().oneshot(ask_with(ID, "first")).await.expect("infallible");
    let first = held.take();
    drop(response);
    for _ in 0..100 {
        service.clone().oneshot(ask_with(ID, "second")).await.expect("infallible");
        assert_eq!(held.take().request_id(), Some("second"));
    }
    assert_eq!(first.request_id(), Some("first"));
    assert_eq!(first.reason(), Some(CancelReason::ClientGone));
}

#[tokio::test(start_paused = true)]
async fn many_requests_at_once_have_a_context_each() {
    let service = ContextLayer::new().layer(handler(|_| async {
        let before = current_id();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(current_id(), before);
        hello()
    }));
    for _ in 0..2 {
        let requests: Vec<_> = (0..100)
            .map(|_| {
                #[expect(clippy::disallowed_methods, reason = "what a server does")]
                tokio::spawn(service.clone().oneshot(ask()))
            })
            .collect();
        let mut ids = std::collections::HashSet::new();
        for request in requests {
            let response = request.await.expect("no panic").expect("infallible");
            assert!(ids.insert(response.headers()[ID].clone()));
        }
    }
}
