//! The public service: it asks the middle, with hyper's client.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use lameduck::context::OutboundLayer;
use tower::{Layer, Service, ServiceExt};

use crate::work::Work;

pub(crate) fn app(next: Uri) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let client = OutboundLayer::new().layer(client);
    Router::new().route(
        "/",
        get(async move |asked: Uri| {
            let _work = Work::begin("edge");
            let target = format!("{}?{}", next, asked.query().unwrap_or_default());
            match Request::get(target).body(Body::empty()) {
                Ok(request) => ask(client, request).await,
                Err(_) => StatusCode::BAD_REQUEST.into_response(),
            }
        }),
    )
}

/// The middle's answer, or 502 if there is none.
async fn ask<S, B>(client: S, request: Request<Body>) -> Response
where
    S: Service<Request<Body>, Response = Response<B>>,
    B: axum::body::HttpBody<Data = axum::body::Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    S::Error: std::fmt::Display,
{
    match client.oneshot(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, format!("the middle: {error}\n")).into_response(),
    }
}
