//! Response bodies: their limit, and their end at a forced stop.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use lameduck_context::{
    BodyInterrupted, CancelReason, ContextBody, ContextLayer, InboundDeadline, RequestContext,
};
use lameduck_core::{Phase, phase_channel};
use tokio::time::{Instant, advance, sleep, timeout};
use tower::{Layer, ServiceExt};

use crate::support::{
    Ask, BoxError, Fed, Feed, Left, ask, ask_grpc, ask_with, current, data, fed, handler,
};

const LIMIT: Duration = Duration::from_secs(1);

/// A response whose body is fed from outside.
async fn streaming(layer: ContextLayer, request: Ask) -> (Feed, ContextBody<Fed>) {
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        let (feed, body) = fed();
        theirs.leave(feed);
        async { Response::new(body) }
    }));
    let response = service.oneshot(request).await.expect("infallible");
    (left.take(), response.into_body())
}

fn reason(error: &BoxError) -> Option<CancelReason> {
    error.downcast_ref().map(BodyInterrupted::reason)
}

/// The next frame fails, and nothing comes after it.
async fn check_ends<B>(body: &mut B, with: CancelReason)
where
    B: Body<Data = Bytes, Error = BoxError> + Unpin,
{
    let error = body.frame().await.expect("an end with an error").expect_err("an error");
    assert_eq!(reason(&error), Some(with));
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_limit_outlives_the_limit_of_its_handler() {
    let (feed, mut body) = streaming(ContextLayer::new().with_timeout(LIMIT), ask()).await;
    assert!(timeout(Duration::from_secs(1_000_000), body.frame()).await.is_err());
    feed.send(data("late")).expect("open");
    drop(feed);
    assert_eq!(body.collect().await.expect("no error").to_bytes(), "late");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_takes_too_long_ends_with_an_error() {
    let (feed, mut body) = streaming(
        ContextLayer::new().with_options(|options| options.timeouts.body = Some(LIMIT)),
        ask(),
    )
    .await;
    feed.send(data("one")).expect("open");
    assert!(body.frame().await.expect("a frame").is_ok());
    let began = Instant::now();
    check_ends(&mut body, CancelReason::DeadlineExceeded).await;
    assert_eq!(began.elapsed(), LIMIT);
    assert!(feed.is_closed(), "the handler's body is dropped at once");
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_body_is_counted_from_its_first_wait() {
    let (feed, mut body) = streaming(
        ContextLayer::new().with_options(|options| options.timeouts.body = Some(LIMIT)),
        ask(),
    )
    .await;
    // The client does not read for a while.
    advance(LIMIT * 10).await;
    for _ in 0..3 {
        feed.send(data("ready")).expect("open");
        assert!(body.frame().await.expect("a frame").is_ok());
        advance(LIMIT * 10).await;
    }
    let began = Instant::now();
    check_ends(&mut body, CancelReason::DeadlineExceeded).await;
    assert_eq!(began.elapsed(), LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_always_ready_has_its_limit_once_it_has_waited() {
    let (feed, mut body) = streaming(
        ContextLayer::new().with_options(|options| options.timeouts.body = Some(LIMIT)),
        ask(),
    )
    .await;
    assert!(timeout(LIMIT / 2, body.frame()).await.is_err());
    for _ in 0..3 {
        feed.send(data("ready")).expect("open");
    }
    assert!(body.frame().await.expect("a frame").is_ok());
    sleep(LIMIT).await;
    // A frame that is ready at the deadline is still handed out.
    assert!(body.frame().await.expect("a frame").is_ok());
    check_ends(&mut body, CancelReason::DeadlineExceeded).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_as_its_time_is_over_is_complete() {
    let trailers = Frame::trailers(HeaderMap::new());
    for last in [None, Some(trailers)] {
        let (feed, mut body) = streaming(
            ContextLayer::new().with_options(|options| options.timeouts.body = Some(LIMIT)),
            ask(),
        )
        .await;
        assert!(timeout(LIMIT / 2, body.frame()).await.is_err());
        sleep(LIMIT).await;
        feed.send(data("last")).expect("open");
        if let Some(last) = last {
            feed.send(last).expect("open");
        }
        drop(feed);
        assert_eq!(body.collect().await.expect("complete").to_bytes(), "last");
    }
}

#[tokio::test(start_paused = true)]
async fn at_forced_a_body_that_waits_ends_with_an_error() {
    let (sender, phase) = phase_channel();
    let (feed, mut body) = streaming(ContextLayer::new().with_phase(phase), ask()).await;
    let stop = async {
        sleep(LIMIT).await;
        sender.publish(Phase::Cancelling);
        sleep(LIMIT).await;
        sender.publish(Phase::Forced);
    };
    let began = Instant::now();
    tokio::join!(check_ends(&mut body, CancelReason::Shutdown), stop);
    assert_eq!(began.elapsed(), LIMIT * 2);
    assert!(feed.is_closed());
}

#[tokio::test(start_paused = true)]
async fn at_forced_a_body_that_never_waits_ends_with_an_error() {
    let (sender, phase) = phase_channel();
    let (feed, mut body) = streaming(ContextLayer::new().with_phase(phase), ask()).await;
    for _ in 0..4 {
        feed.send(data("ready")).expect("open");
    }
    assert!(body.frame().await.expect("a frame").is_ok());
    sender.publish(Phase::Forced);
    assert!(body.frame().await.expect("a frame").is_ok());
    check_ends(&mut body, CancelReason::Shutdown).await;

    // Or waits only after that.
    let (sender, phase) = phase_channel();
    let (feed, mut body) = streaming(ContextLayer::new().with_phase(phase), ask()).await;
    feed.send(data("ready")).expect("open");
    sender.publish(Phase::Forced);
    assert!(body.frame().await.expect("a frame").is_ok());
    check_ends(&mut body, CancelReason::Shutdown).await;
}

#[tokio::test(start_paused = true)]
async fn a_grpc_stream_ends_with_trailers_that_say_why() {
    let (sender, phase) = phase_channel();
    let layer = ContextLayer::new()
        .with_options(|options| options.timeouts.body = Some(LIMIT))
        .with_phase(phase);
    let (_feed, mut body) = streaming(layer.clone(), ask_grpc()).await;
    let trailers = last_trailers(&mut body).await;
    assert_eq!(trailers["grpc-status"], "4");
    assert!(!trailers.contains_key("grpc-retry-pushback-ms"), "no client repeats it by default");
    assert!(body.frame().await.is_none());
    let (_feed, mut body) = streaming(layer, ask_grpc()).await;
    sender.publish(Phase::Forced);
    let trailers = last_trailers(&mut body).await;
    assert_eq!(trailers["grpc-status"], "14");
    assert_eq!(trailers["grpc-retry-pushback-ms"], "-1");
    assert!(body.frame().await.is_none());
}

async fn last_trailers(body: &mut ContextBody<Fed>) -> HeaderMap {
    let frame = body.frame().await.expect("a frame").expect("no error");
    frame.into_trailers().expect("trailers")
}

#[tokio::test(start_paused = true)]
async fn work_that_feeds_a_body_is_notified_why_it_ended() {
    let (sender, phase) = phase_channel();
    let layer = ContextLayer::new()
        .with_options(|options| options.timeouts.body = Some(LIMIT))
        .with_phase(phase);
    let held = |layer: ContextLayer| async move {
        let left: Left<RequestContext> = Left::new();
        let theirs = left.clone();
        let service = layer.layer(handler(move |_| {
            theirs.leave(current());
            let (feed, body) = fed();
            std::mem::forget(feed);
            async { Response::new(body) }
        }));
        let body = service.oneshot(ask()).await.expect("infallible").into_body();
        (left.take(), body)
    };
    let (context, mut body) = held(layer.clone()).await;
    check_ends(&mut body, CancelReason::DeadlineExceeded).await;
    assert_eq!(context.reason(), Some(CancelReason::DeadlineExceeded));

    let (context, mut body) = held(layer).await;
    sender.publish(Phase::Cancelling);
    assert_eq!(context.reason(), Some(CancelReason::Shutdown), "it may end by itself");
    sender.publish(Phase::Forced);
    check_ends(&mut body, CancelReason::Shutdown).await;
}

#[test]
fn the_error_of_a_body_says_what_has_happened() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        let (sender, phase) = phase_channel();
        sender.publish(Phase::Forced);
        let (_feed, mut body) = streaming(ContextLayer::new().with_phase(phase), ask()).await;
        let error = body.frame().await.expect("a frame").expect_err("an error");
        assert_eq!(error.to_string(), "the server stopped before the response body was complete");
        let layer = ContextLayer::new()
            .with_options(|options| options.timeouts.body = Some(Duration::ZERO));
        let (_feed, mut body) = streaming(layer, ask()).await;
        let error = body.frame().await.expect("a frame").expect_err("an error");
        assert_eq!(error.to_string(), "the response body took longer than its limit");
    });
}

fn trusting() -> ContextLayer {
    ContextLayer::new()
        .with_options(|options| options.inbound_deadline = Some(InboundDeadline::new()))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_waits_ends_at_its_callers_deadline_too() {
    for (request, is_cut) in [(ask_with("grpc-timeout", "2S"), true), (ask(), false)] {
        let (feed, mut body) = streaming(trusting(), request).await;
        for _ in 0..10 {
            feed.send(data("x")).expect("open");
        }
        // A client that takes a frame in each second: at 0 and 1 s, and what is ready at 2 s.
        for _ in 0..3 {
            body.frame().await.expect("a frame").expect("in time");
            advance(Duration::from_secs(1)).await;
        }
        if is_cut {
            check_ends(&mut body, CancelReason::DeadlineExceeded).await;
        } else {
            body.frame().await.expect("a frame").expect("without a deadline");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_has_the_shorter_of_its_limit_and_its_callers_deadline() {
    for (caller, seconds) in [("1S", 1), ("9S", 5)] {
        let layer =
            trusting().with_options(|options| options.timeouts.body = Some(Duration::from_secs(5)));
        let (_feed, mut body) = streaming(layer, ask_with("grpc-timeout", caller)).await;
        let began = Instant::now();
        check_ends(&mut body, CancelReason::DeadlineExceeded).await;
        assert_eq!(began.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_waits_after_its_callers_deadline_ends_at_once() {
    let (feed, mut body) = streaming(trusting(), ask_with("grpc-timeout", "2S")).await;
    advance(Duration::from_secs(3)).await;
    feed.send(data("late")).expect("open");
    body.frame().await.expect("a frame").expect("it was ready when the time came");
    let end = check_ends(&mut body, CancelReason::DeadlineExceeded);
    timeout(Duration::from_secs(1), end).await.expect("at once");
}
