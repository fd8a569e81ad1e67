//! The context as an argument of an axum handler.

use std::{convert::Infallible, error::Error, fmt};

use axum_core::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use lameduck_core::plumbing::Answer;

use crate::RequestContext;

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = ContextMissing;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ContextMissing> {
        find(parts).ok_or(ContextMissing { _private: () })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(find(parts))
    }
}

/// The current context, which the request need not carry. A request that came through a channel is
/// outside of its layer's scope, and carries its own.
fn find(parts: &Parts) -> Option<RequestContext> {
    RequestContext::current().or_else(|| parts.extensions.get().cloned())
}

/// The rejection of [`RequestContext`] as an argument of a handler without a
/// [`ContextLayer`](crate::ContextLayer) around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextMissing {
    _private: (),
}

impl IntoResponse for ContextMissing {
    fn into_response(self) -> Response {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let answer = Answer::new(status, "context_missing", "The request has no context.");
        answer.into_response().map(Body::from)
    }
}

impl fmt::Display for ContextMissing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request has no context: no `ContextLayer` is around the handler")
    }
}

impl Error for ContextMissing {}
