//! Probes, on a real router.

use axum::Router;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use lameduck_drain::{DrainLayer, Livez, Phase, Readyz, phase_channel};
use tower::ServiceExt;

async fn probe(app: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn readiness_fails_from_the_first_moment_of_a_stop_and_liveness_never_does() {
    let (sender, watch) = phase_channel();
    let app = Router::new()
        .route_service("/readyz", Readyz::new(watch.clone()))
        .route_service("/livez", Livez::new())
        .layer(DrainLayer::new(watch));
    for (phase, ready) in [
        (Phase::Starting, 503),
        (Phase::Running, 200),
        (Phase::LameDuck, 503),
        (Phase::Running, 200),
        (Phase::Draining, 503),
        (Phase::Cancelling, 503),
    ] {
        sender.publish(phase);
        let (status, body) = probe(&app, "/readyz").await;
        assert_eq!(status.as_u16(), ready, "{phase}");
        assert_eq!(body, format!(r#"{{"status":"{phase}"}}"#));
        assert_eq!(probe(&app, "/livez").await.0, 200, "{phase}");
    }
}
