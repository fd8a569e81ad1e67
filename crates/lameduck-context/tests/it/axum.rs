//! The context as an argument of axum handlers.

use std::time::Duration;

use axum::{
    Extension, Router,
    body::Body,
    http::{Request, StatusCode},
    routing::get,
};
use http_body_util::BodyExt;
use lameduck_context::{ContextLayer, RequestContext};
use tower::ServiceExt;

async fn id(context: RequestContext) -> String {
    context.request_id().unwrap_or("none").to_owned()
}

async fn optional(context: Option<RequestContext>) -> String {
    context.map_or_else(|| "none".to_owned(), |context| format!("{:?}", context.request_id()))
}

async fn extension(Extension(context): Extension<RequestContext>) -> String {
    context.request_id().unwrap_or("none").to_owned()
}

async fn get_text(app: Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("x-request-id", "mine").body(Body::empty());
    let response = app.oneshot(request.expect("a request")).await.expect("infallible");
    let status = response.status();
    let body = response.into_body().collect().await.expect("no error").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

#[tokio::test]
async fn a_handler_takes_its_context_as_an_argument() {
    let app = || Router::new().route("/", get(id)).route("/maybe", get(optional));
    let with = || app().layer(ContextLayer::new());
    assert_eq!(get_text(with(), "/").await, (StatusCode::OK, "mine".to_owned()));
    assert_eq!(get_text(with(), "/maybe").await.1, "Some(\"mine\")");
    assert_eq!(get_text(app(), "/maybe").await.1, "none");
}

#[tokio::test]
async fn a_handler_that_needs_a_context_and_has_none_is_answered_500() {
    let (status, body) = get_text(Router::new().route("/", get(id)), "/").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(problem["code"], "context_missing");
}

#[tokio::test]
async fn a_handler_takes_its_context_as_an_extension_if_the_option_is_set() {
    let app = Router::new().route("/", get(extension));
    let with =
        app.clone().layer(ContextLayer::new().with_options(|options| options.extension = true));
    assert_eq!(get_text(with, "/").await, (StatusCode::OK, "mine".to_owned()));
    let without = app.layer(ContextLayer::new());
    assert_eq!(get_text(without, "/").await.0, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test(start_paused = true)]
async fn a_route_may_have_a_shorter_limit_than_its_router() {
    let slow = get(std::future::pending::<&str>);
    let short = ContextLayer::new().with_timeout(Duration::from_millis(10));
    let app = Router::new()
        .route("/short", slow.clone().layer(short))
        .route("/long", slow)
        .layer(ContextLayer::new().with_timeout(Duration::from_secs(1)));
    for (path, limit) in [("/short", 10), ("/long", 1000)] {
        let (status, body) = get_text(app.clone(), path).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        let problem: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let expected = serde_json::json!({ "request_id": "mine", "timeout_ms": limit });
        assert_eq!(problem["data"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_takes_the_innermost_context_as_an_argument() {
    let notified = get(async |context: RequestContext| context.cancelled().await.to_string());
    let short = ContextLayer::new().with_timeout(Duration::from_millis(10));
    let app = Router::new().route("/", notified.layer(short)).layer(
        ContextLayer::new()
            .with_options(|options| options.extension = true)
            .with_timeout(Duration::from_secs(1)),
    );
    assert_eq!(get_text(app, "/").await, (StatusCode::OK, "deadline_exceeded".to_owned()));
}

#[tokio::test]
async fn the_fallback_of_a_router_has_a_context_too() {
    let app = Router::new().fallback(id).layer(ContextLayer::new());
    assert_eq!(get_text(app, "/nowhere").await, (StatusCode::OK, "mine".to_owned()));
}
