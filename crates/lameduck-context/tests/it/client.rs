//! Outbound calls of a handler.

use std::{convert::Infallible, io, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::Full;
use lameduck_context::{
    CancelReason, ContextLayer, DeadlineSource, GrpcOutboundLayer, InboundDeadline, OutboundError,
    OutboundLayer, RequestContext, TraceOptions,
};
use lameduck_core::{MaybeExecuted, NotExecuted, Phase, phase_channel};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Answer, Ask, Left, ask, ask_grpc, ask_with, current, handler, hello};

const SEC: Duration = Duration::from_secs(1);

/// The headers of the call that a handler makes for `request`, or the error of the call.
async fn sent(
    layer: ContextLayer,
    client: OutboundLayer,
    request: Ask,
    call: fn() -> Ask,
) -> Option<HeaderMap> {
    let left = Left::new();
    let seen = left.clone();
    let service = layer.layer(handler(move |_| {
        let (client, seen) = (client.clone(), seen.clone());
        async move {
            let client = client.layer(service_fn(|request: Ask| {
                seen.leave(request.headers().clone());
                async { Ok::<_, Infallible>(hello()) }
            }));
            let _ = client.oneshot(call()).await;
            hello()
        }
    }));
    service.oneshot(request).await.expect("infallible");
    (!left.is_empty()).then(|| left.take())
}

fn limited() -> ContextLayer {
    ContextLayer::new()
        .with_timeout(2 * SEC)
        .with_options(|options| options.trace = Some(TraceOptions::new()))
}

#[tokio::test(start_paused = true)]
async fn a_call_carries_the_remaining_time_less_the_reserve() {
    let headers = sent(limited(), OutboundLayer::new(), ask(), ask).await.expect("sent");
    assert_eq!(headers["x-request-timeout-ms"], "1980");
    let headers = sent(limited(), OutboundLayer::new(), ask(), ask_grpc).await.expect("sent");
    assert_eq!(headers["grpc-timeout"], "1980000u");
    assert!(!headers.contains_key("x-request-timeout-ms"));
    let client = OutboundLayer::new().with_options(|options| {
        options.reserve = SEC;
        options.header = DeadlineSource::seconds(HeaderName::from_static("request-timeout"));
    });
    let headers = sent(limited(), client, ask(), ask).await.expect("sent");
    assert_eq!(headers["request-timeout"], "1.000");
    let headers = sent(ContextLayer::new(), OutboundLayer::new(), ask(), ask).await.expect("sent");
    assert!(!headers.contains_key("x-request-timeout-ms"), "there is no deadline");
}

#[tokio::test(start_paused = true)]
async fn a_shorter_deadline_that_a_call_carries_itself_stays_and_a_longer_one_does_not() {
    let short = || ask_with("x-request-timeout-ms", "70");
    let headers = sent(limited(), OutboundLayer::new(), ask(), short).await.expect("sent");
    assert_eq!(headers["x-request-timeout-ms"], "70");
    let long = || ask_with("x-request-timeout-ms", "70000");
    let headers = sent(limited(), OutboundLayer::new(), ask(), long).await.expect("sent");
    assert_eq!(headers["x-request-timeout-ms"], "1980");
}

#[tokio::test(start_paused = true)]
async fn a_call_carries_the_id_and_the_trace_unless_it_has_its_own() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = || {
        let mut request = ask_with("x-request-id", "mine");
        for (name, value) in [("traceparent", parent), ("tracestate", "a=1"), ("baggage", "k=v")] {
            request.headers_mut().insert(name, value.parse().expect("a value"));
        }
        request
    };
    let headers = sent(limited(), OutboundLayer::new(), request(), ask).await.expect("sent");
    assert_eq!(headers["x-request-id"], "mine");
    assert_eq!(headers["traceparent"], parent);
    assert_eq!(headers["tracestate"], "a=1");
    assert_eq!(headers["baggage"], "k=v");
    let own = || ask_with("x-request-id", "the-calls-own");
    let client = OutboundLayer::new().with_options(|options| options.baggage = false);
    let headers = sent(limited(), client, request(), own).await.expect("sent");
    assert_eq!(headers["x-request-id"], "the-calls-own");
    assert!(headers.contains_key("traceparent") && !headers.contains_key("baggage"));
    let client = OutboundLayer::new().with_options(|options| {
        options.trace = false;
        options.request_id = false;
    });
    let headers = sent(limited(), client, request(), ask).await.expect("sent");
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-request-timeout-ms"]);
}

#[tokio::test(start_paused = true)]
async fn outside_of_any_request_a_call_is_sent_unchanged() {
    let client = OutboundLayer::new().layer(service_fn(|request: Ask| {
        assert!(request.headers().is_empty());
        async { Ok::<_, Infallible>(hello()) }
    }));
    assert_eq!(client.oneshot(ask()).await.expect("sent").status(), 200);
}

/// Runs a handler that calls `inner` after `wait`; returns how the call ended, and when.
async fn call<F>(
    layer: ContextLayer,
    wait: Duration,
    inner: fn() -> F,
) -> (Result<StatusCode, OutboundError<io::Error>>, Duration)
where
    F: Future<Output = io::Result<Answer>> + Send + 'static,
{
    let left = Left::new();
    let ended = left.clone();
    let began = Instant::now();
    let service = layer.layer(handler(move |_| {
        let ended = ended.clone();
        async move {
            sleep(wait).await;
            let client = OutboundLayer::new().layer(service_fn(move |_: Ask| inner()));
            let answer = client.oneshot(ask()).await;
            ended.leave((answer.map(|answer| answer.status()), began.elapsed()));
            hello()
        }
    }));
    let response = service.oneshot(ask()).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK, "the handler has the reserve to answer in");
    left.take()
}

#[tokio::test(start_paused = true)]
async fn a_call_is_dropped_when_its_time_is_over_and_the_handler_may_still_answer() {
    let (ended, after) = call(limited(), SEC, std::future::pending).await;
    let error = ended.expect_err("cut");
    assert_eq!(after, Duration::from_millis(1980));
    assert_eq!(
        (error.reason(), error.is_not_sent()),
        (Some(CancelReason::DeadlineExceeded), false)
    );
    assert_eq!(error.to_string(), "the call was cancelled: deadline_exceeded");
}

#[tokio::test(start_paused = true)]
async fn a_call_for_which_there_is_no_time_is_not_made() {
    let never = || -> std::future::Ready<_> { panic!("it was made") };
    let (ended, after) = call(limited(), Duration::from_millis(1985), never).await;
    let error = ended.expect_err("not made");
    assert_eq!(after, Duration::from_millis(1985), "it fails at once");
    assert_eq!((error.reason(), error.is_not_sent()), (Some(CancelReason::DeadlineExceeded), true));
}

#[tokio::test(start_paused = true)]
async fn a_clients_own_error_is_returned() {
    let fails = || std::future::ready(Err(io::ErrorKind::ConnectionRefused.into()));
    let (ended, _) = call(limited(), Duration::ZERO, fails).await;
    let error = ended.expect_err("it fails");
    assert_eq!(error.reason(), None);
    let source = std::error::Error::source(&error).expect("a source");
    assert_eq!(source.to_string(), "connection refused");
    let inner = error.into_inner().expect("the client's own");
    assert_eq!(inner.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_with_a_stop_of_the_server_and_with_the_programs_own_reason() {
    let (sender, phase) = phase_channel();
    let stopped = call(limited().with_phase(phase), Duration::ZERO, std::future::pending);
    let stop = async {
        sleep(SEC).await;
        sender.publish(Phase::Cancelling);
    };
    let ((ended, after), ()) = tokio::join!(stopped, stop);
    assert_eq!((ended.expect_err("cut").reason(), after), (Some(CancelReason::Shutdown), SEC));

    let (ended, after) = call(limited(), Duration::ZERO, || {
        let context = current();
        async move {
            sleep(SEC).await;
            context.cancel(CancelReason::Other("enough"));
            std::future::pending().await
        }
    })
    .await;
    assert_eq!(
        (ended.expect_err("cut").reason(), after),
        (Some(CancelReason::Other("enough")), SEC)
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_within_a_part_has_the_parts_time() {
    let service = limited().layer(handler(|_| async {
        let part = current().child(0.5);
        let call = part.run(async {
            let client = OutboundLayer::new().layer(service_fn(|request: Ask| async move {
                Ok::<_, Infallible>(request.headers()["x-request-timeout-ms"].clone())
            }));
            client.oneshot(ask()).await.expect("sent")
        });
        assert_eq!(call.await.expect("in time"), "980");
        hello()
    }));
    service.oneshot(ask()).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_without_time_ends_with_a_status() {
    let service = limited().layer(handler(|_| async {
        let silent = service_fn(|_: Ask| std::future::pending::<io::Result<Answer>>());
        let client = GrpcOutboundLayer::default().layer(silent);
        let answer = client.clone().oneshot(ask_grpc()).await.expect("the error is the channel's");
        assert_eq!(answer.headers()["grpc-status"], "4");
        assert!(answer.extensions().get::<MaybeExecuted>().is_some());
        let answer = client.clone().oneshot(ask_grpc()).await.expect("the error is the channel's");
        assert_eq!(answer.headers()["grpc-status"], "4");
        assert!(answer.extensions().get::<NotExecuted>().is_some());
        current().cancel(CancelReason::Other("enough"));
        let answer = client.oneshot(ask_grpc()).await.expect("the error is the channel's");
        assert_eq!(answer.headers()["grpc-status"], "1");
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_fails_at_the_same_deadline_ends_with_it_too() {
    for (fails_at, expected) in [(1900, None), (1979, Some("4")), (1980, Some("4"))] {
        let service = limited().layer(handler(move |_| async move {
            let channel = service_fn(move |_: Ask| async move {
                sleep(Duration::from_millis(fails_at)).await;
                Err::<Answer, _>(io::Error::other("cancelled"))
            });
            let answer = GrpcOutboundLayer::default().layer(channel).oneshot(ask_grpc()).await;
            let status = answer.ok().map(|answer| answer.headers()["grpc-status"].clone());
            assert_eq!(status.as_ref().and_then(|status| status.to_str().ok()), expected);
            hello()
        }));
        assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
    }
}

/// A service that reads its callers' deadlines, and calls `next`.
fn hop<S>(
    next: S,
) -> impl tower::Service<
    Ask,
    Response = Response<lameduck_context::ContextBody<Full<Bytes>>>,
    Error = Infallible,
    Future: Send,
> + Clone
where
    S: tower::Service<Ask, Response = Answer, Error = Infallible, Future: Send> + Clone + Send,
{
    let layer = ContextLayer::new()
        .with_options(|options| options.inbound_deadline = Some(InboundDeadline::new()));
    layer.layer(handler(move |_: Request<_>| {
        let client = OutboundLayer::new().layer(next.clone());
        async move { client.oneshot(ask()).await.unwrap_or_else(|_| hello()) }
    }))
}

#[tokio::test(start_paused = true)]
async fn each_hop_of_a_chain_sees_less_than_the_one_before_it() {
    let left = Left::new();
    let seen = left.clone();
    let last = handler(move |request: Ask| {
        seen.leave(request.headers()["x-request-timeout-ms"].clone());
        async { hello() }
    });
    let middle = hop(last).map_response(|_| hello());
    let edge = hop(middle);
    edge.oneshot(ask_with("x-request-timeout-ms", "1000")).await.expect("infallible");
    assert_eq!(left.take(), "960");
    assert!(RequestContext::current().is_none());
}
