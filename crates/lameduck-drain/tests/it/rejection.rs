//! Requests that are rejected.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use lameduck_drain::{Exempt, NotExecuted, Phase, RejectionStatus, RetryAfter};
use tokio::sync::Semaphore;
use tower::{Layer, Service, service_fn};

use crate::support::{Bench, Body, connection, get, get_on, text};

#[tokio::test]
async fn from_draining_on_a_new_request_never_reaches_the_handler() {
    for phase in [Phase::Draining, Phase::Cancelling, Phase::Forced, Phase::Stopped] {
        let bench = Bench::new(phase);
        let response = bench.get("/").await;
        assert_eq!(response.status(), 503, "{phase}");
        assert_eq!(bench.calls(), 0);
        assert_eq!(bench.drain.rejections().count(), 1);
    }
    for phase in [Phase::Starting, Phase::Running, Phase::LameDuck] {
        let bench = Bench::new(phase);
        assert_eq!(text(bench.get("/").await).await, "handled", "{phase}");
        assert_eq!(bench.drain.rejections().count(), 0);
    }
}

#[tokio::test]
async fn a_rejection_says_when_to_come_back_and_that_nothing_was_executed() {
    let bench = Bench::new(Phase::Draining);
    for _ in 0..50 {
        let response = bench.get("/").await;
        let after: u64 = response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=3).contains(&after), "{after}");
        assert!(response.extensions().get::<NotExecuted>().is_some());
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(body["code"], "draining");
        assert_eq!(body["data"]["retry_after"], after);
        assert_eq!(body["data"]["phase"], "draining");
    }
}

#[tokio::test]
async fn a_grpc_call_is_rejected_with_trailers_only_unavailable() {
    let bench = Bench::new(Phase::Draining)
        .with(|options| options.rejection.retry_after = RetryAfter::fixed(Duration::from_secs(2)));
    let request = Request::post("/pkg.Service/Method")
        .version(Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc+proto")
        .body(Body::default())
        .unwrap();
    let response = bench.send(request).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "14");
    assert_eq!(response.headers()["grpc-retry-pushback-ms"], "2000");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/grpc");
    assert!(response.extensions().get::<NotExecuted>().is_some());
    assert!(connection(&response).is_empty());
    assert!(response.body().is_end_stream());
}

#[tokio::test]
async fn a_rejection_closes_an_http_1_connection_and_no_other() {
    for (version, expected) in [
        (Version::HTTP_10, &["close"][..]),
        (Version::HTTP_11, &["close"]),
        (Version::HTTP_2, &[]),
        (Version::HTTP_3, &[]),
    ] {
        let response = Bench::new(Phase::Draining).send(get_on(version)).await;
        assert_eq!(connection(&response), expected, "{version:?}");
    }
}

#[tokio::test]
async fn a_status_that_does_not_reject_is_an_error() {
    for number in [100, 200, 204, 302, 399, 600, 999] {
        let status = StatusCode::from_u16(number).unwrap();
        let error = RejectionStatus::new(status).unwrap_err();
        assert_eq!(error.code(), status);
        let error = error.to_string();
        assert!(error.contains(&number.to_string()) && error.contains("such as 503"), "{error}");
    }
    for number in [400, 429, 500, 503, 599] {
        assert!(RejectionStatus::new(StatusCode::from_u16(number).unwrap()).is_ok());
    }
}

#[tokio::test]
async fn the_status_of_a_rejection_can_be_chosen() {
    let status = RejectionStatus::new(StatusCode::TOO_MANY_REQUESTS).unwrap();
    let bench = Bench::new(Phase::Draining).with(|options| options.rejection.status = status);
    let response = bench.get("/").await;
    assert_eq!(response.status(), 429);
    assert!(text(response).await.contains(r#""status":429"#));
}

#[tokio::test]
async fn retry_after_is_whole_seconds_rounded_up_and_at_least_one() {
    for (after, expected) in [
        (Duration::ZERO, "1"),
        (Duration::from_millis(1), "1"),
        (Duration::from_millis(1001), "2"),
        (Duration::from_secs(7), "7"),
        (Duration::MAX, "2147483647"),
    ] {
        let bench = Bench::new(Phase::Draining)
            .with(|options| options.rejection.retry_after = RetryAfter::fixed(after));
        assert_eq!(bench.get("/").await.headers()[header::RETRY_AFTER], expected, "{after:?}");
    }
}

#[tokio::test]
async fn jitter_reaches_every_second_between_its_bounds_whichever_comes_first() {
    let (two, five) = (Duration::from_secs(2), Duration::from_secs(5));
    for jitter in [RetryAfter::jittered(two, five), RetryAfter::jittered(five, two)] {
        let bench = Bench::new(Phase::Draining).with(|options| {
            options.rejection.retry_after = jitter;
            options.seed = Some(7);
        });
        let mut seen = [0; 8];
        for _ in 0..400 {
            let response = bench.get("/").await;
            let after = response.headers()[header::RETRY_AFTER].to_str().unwrap();
            seen[after.parse::<usize>().unwrap()] += 1;
        }
        assert_eq!((seen[..2].iter().sum::<i32>(), seen[6..].iter().sum::<i32>()), (0, 0));
        assert!(seen[2..6].iter().all(|&times| times > 70), "{seen:?}");
    }
}

#[tokio::test]
async fn probes_and_other_exempt_requests_are_served_to_the_very_end() {
    let bench = Bench::new(Phase::Forced).with(|options| {
        options.exempt.add_path("/status");
        options.exempt.add_path("/admin/");
        options
            .exempt
            .add(|method, _, headers| method == "OPTIONS" || headers.contains_key("x-vip"));
    });
    for path in
        ["/livez", "/readyz", "/healthz", "/grpc.health.v1.Health/Check", "/status", "/admin/x"]
    {
        assert_eq!(bench.get(path).await.status(), 200, "{path}");
    }
    for path in ["/", "/livez/x", "/livezz", "/statuses", "/admin", "/administrator"] {
        assert_eq!(bench.get(path).await.status(), 503, "{path}");
    }
    let options = Request::options("/").body(Body::default()).unwrap();
    assert_eq!(bench.send(options).await.status(), 200);
    let vip = Request::get("/").header("x-vip", "1").body(Body::default()).unwrap();
    assert_eq!(bench.send(vip).await.status(), 200);

    let strict = Bench::new(Phase::Draining).with(|options| options.exempt = Exempt::NOTHING);
    assert_eq!(strict.get("/livez").await.status(), 503);
}

#[tokio::test]
async fn a_response_of_your_own_keeps_what_makes_it_a_rejection() {
    let bench = Bench::new(Phase::Draining).with(|options| {
        options.rejection.response = Some(Arc::new(|rejection| {
            let page = format!("<h1>back in {} s</h1>", rejection.retry_after);
            Response::builder().status(rejection.status).body(Bytes::from(page)).unwrap()
        }));
    });
    let response = bench.get("/").await;
    assert_eq!(response.status(), 503);
    assert_eq!(connection(&response), ["close"]);
    assert!(response.extensions().get::<NotExecuted>().is_some());
    let after = response.headers()[header::RETRY_AFTER].to_str().unwrap().to_owned();
    assert_eq!(text(response).await, format!("<h1>back in {after} s</h1>"));

    let own = Bench::new(Phase::Draining).with(|options| {
        options.rejection.response = Some(Arc::new(|_| {
            Response::builder().header("retry-after", "99").body(Bytes::new()).unwrap()
        }));
    });
    let response = own.get("/").await;
    let all: Vec<_> = response.headers().get_all(header::RETRY_AFTER).iter().collect();
    assert_eq!(all, ["99"]);
}

#[tokio::test]
async fn a_request_that_was_let_in_is_never_rejected_later() {
    let bench = Bench::new(Phase::Running);
    let gate = Arc::new(Semaphore::new(0));
    let handler = Arc::clone(&gate);
    let mut service = bench.drain.layer(service_fn(move |_: Request<Body>| {
        let gate = Arc::clone(&handler);
        async move {
            drop(gate.acquire().await.unwrap());
            Ok::<_, Infallible>(Response::new(Body::from("handled")))
        }
    }));
    let answer = service.call(get("/"));
    bench.sender.publish(Phase::Forced);
    gate.add_permits(1);
    let response = answer.await.unwrap();
    assert_eq!(connection(&response), ["close"], "its client is notified all the same");
    assert_eq!(text(response).await, "handled");
    assert_eq!(bench.drain.rejections().count(), 0);
}

#[test]
fn every_service_of_a_layer_counts_into_the_same_rejections() {
    let bench = Bench::new(Phase::Draining);
    let rejections = bench.drain.rejections();
    let clone = bench.drain.clone();
    let handler =
        || service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::default())));
    drop(bench.drain.layer(handler()).call(get("/")));
    drop(clone.layer(handler()).clone().call(get("/")));
    assert_eq!(rejections.count(), 2);
}

#[test]
fn new_options_leave_the_services_that_were_made_before_as_they_are() {
    let bench = Bench::new(Phase::Draining);
    let handler =
        || service_fn(async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Body::default())));
    let mut before = bench.drain.layer(handler());
    let rejections = bench.drain.rejections();
    let mut after = bench.with(|options| options.exempt.add_path("/")).drain.layer(handler());
    for (service, status) in [(&mut before, 503), (&mut after, 200)] {
        let response = futures_util::FutureExt::now_or_never(service.call(get("/x")));
        assert_eq!(response.unwrap().unwrap().status(), status);
    }
    assert_eq!(rejections.count(), 1, "both count into the same rejections");
}
