//! Requests that pretend to be something else.

use http::{HeaderValue, Method, Request, Uri, Version, header};
use lameduck_drain::Phase;

use crate::support::{Bench, Body, connection, text};

async fn status_of(uri: &str) -> u16 {
    let uri: Uri = uri.parse().unwrap();
    let request = Request::get(uri).body(Body::default()).unwrap();
    Bench::new(Phase::Draining).send(request).await.status().as_u16()
}

#[tokio::test]
async fn only_the_path_itself_is_exempt_however_it_is_written() {
    for probe in ["/livez", "/livez?verbose", "http://else.where/readyz", "/livez?/../admin"] {
        assert_eq!(status_of(probe).await, 200, "{probe}");
    }
    for other in [
        "/livez/",
        "/livez/../admin",
        "//livez",
        "/LIVEZ",
        "/%6civez",
        "/livez;x",
        "/?/livez",
        "/grpc.health.v1.Health",
        "/grpc.health.v1.Healthy/Check",
        "http://livez/",
        "*",
    ] {
        assert_eq!(status_of(other).await, 503, "{other}");
    }
}

#[tokio::test]
async fn a_request_without_a_path_is_rejected_like_any_other() {
    let request = Request::connect("livez:443").body(Body::default()).unwrap();
    let response = Bench::new(Phase::Draining).send(request).await;
    assert_eq!(response.status(), 503);
}

async fn rejection_of(kind: &[u8]) -> http::Response<Body> {
    let mut request = Request::new(Body::default());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    let kind = HeaderValue::from_bytes(kind).unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    Bench::new(Phase::Draining).send(request).await
}

#[tokio::test]
async fn only_grpc_is_answered_as_grpc() {
    for grpc in ["application/grpc", "application/grpc+json", "application/grpc;x=y"] {
        assert_eq!(rejection_of(grpc.as_bytes()).await.status(), 200, "{grpc}");
    }
    let others: [&[u8]; 6] = [
        b"application/grpc-web",
        b"application/grpc-web+proto",
        b"application/grpcx",
        b"text/plain; application/grpc",
        b"",
        b"\xff\xfe",
    ];
    for other in others {
        let response = rejection_of(other).await;
        assert_eq!(response.status(), 503, "{other:?}");
        assert!(!response.headers().contains_key("grpc-status"));
    }
}

#[tokio::test]
async fn a_grpc_rejection_has_these_headers_and_no_others() {
    let response = rejection_of(b"application/grpc").await;
    let mut names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let expected =
        ["content-type", "grpc-message", "grpc-retry-pushback-ms", "grpc-status", "retry-after"];
    assert_eq!(names, expected);
    let message = response.headers()["grpc-message"].to_str().unwrap();
    assert!(message.contains("stopping") && message.is_ascii(), "{message}");
    let pushback: u64 =
        response.headers()["grpc-retry-pushback-ms"].to_str().unwrap().parse().unwrap();
    assert!((1000..=3000).contains(&pushback), "{pushback}");
}

#[tokio::test]
async fn nothing_of_a_request_comes_back_in_its_rejection() {
    let request = Request::get("/script?q=script")
        .header("x-evil", "<script>")
        .header(header::CONNECTION, "keep-alive, x-evil")
        .body(Body::from("<script>"))
        .unwrap();
    let response = Bench::new(Phase::Draining).send(request).await;
    assert_eq!(connection(&response), ["close"]);
    assert!(!format!("{:?}", response.headers()).contains("script"));
    assert!(!text(response).await.contains("script"));
}
