//! One line of the ledger, as it is kept.

use std::borrow::Cow;

use http::{HeaderValue, Method, Request};
use tokio::time::Instant;

use super::{id, request::Stage, route::Route};

/// Its clone copies no text.
#[derive(Clone)]
pub(crate) struct Record {
    pub(super) since: Instant,
    pub(super) method: Option<Method>,
    pub(super) route: Route,
    pub(super) request_id: Option<HeaderValue>,
    pub(crate) stage: Stage,
    pub(crate) bytes_sent: u64,
}

impl Record {
    pub(crate) fn of_request<B>(request: &Request<B>) -> Self {
        Self {
            since: Instant::now(),
            method: Some(request.method().clone()),
            route: Route::of_request(request),
            request_id: id::of_request(request.headers()),
            stage: Stage::Handler,
            bytes_sent: 0,
        }
    }

    pub(crate) fn of_guard(name: Cow<'static, str>) -> Self {
        Self {
            since: Instant::now(),
            method: None,
            route: Route::Name(name),
            request_id: None,
            stage: Stage::Guard,
            bytes_sent: 0,
        }
    }
}
