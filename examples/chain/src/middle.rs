//! The service between: it asks the database, with tonic's channel.

use axum::{
    Router,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use lameduck::context::GrpcOutboundLayer;
use tonic::{Code, transport::Channel};
use tower::Layer;

use crate::{
    wire::{Question, database_client::DatabaseClient},
    work::Work,
};

pub(crate) fn app(next: Uri) -> Router {
    let channel = Channel::builder(next).connect_lazy();
    let database = DatabaseClient::new(GrpcOutboundLayer::default().layer(channel));
    Router::new().route(
        "/",
        get(async move |asked: Uri| {
            let _work = Work::begin("middle");
            let takes_ms = asked.query().and_then(|query| query.strip_prefix("takes_ms="));
            let takes_ms = takes_ms.and_then(|ms| ms.parse().ok()).unwrap_or_default();
            match database.clone().query(Question { takes_ms }).await {
                Ok(rows) => format!("{} rows\n", rows.into_inner().count).into_response(),
                Err(status) => failed(&status),
            }
        }),
    )
}

fn failed(status: &tonic::Status) -> Response {
    let code = match status.code() {
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    (code, format!("the database: {status}\n")).into_response()
}
