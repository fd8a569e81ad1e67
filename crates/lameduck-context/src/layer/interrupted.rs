//! The answer that a stopped handler did not give.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use lameduck_core::{MaybeExecuted, NotExecuted, plumbing::Answer};

use super::client::Client;
use crate::CancelReason;

const GRPC_DEADLINE_EXCEEDED: u8 = 4;
const GRPC_UNAVAILABLE: u8 = 14;

/// Makes the answer for a handler that was stopped.
pub(super) type MakeResponse = Arc<dyn Fn(Interrupted) -> Response<Bytes> + Send + Sync>;

/// Why the layer answers and not the handler.
///
/// [`ContextLayer::with_response`](crate::ContextLayer::with_response) passes it to a closure.
#[derive(Clone, Debug)]
pub struct Interrupted {
    reason: CancelReason,
    timeout: Option<Duration>,
    request_id: Option<HeaderValue>,
    /// Whether the request did not enter its handler.
    is_rejected: bool,
}

impl Interrupted {
    pub(crate) const fn new(
        reason: CancelReason,
        timeout: Option<Duration>,
        request_id: Option<HeaderValue>,
    ) -> Self {
        Self { reason, timeout, request_id, is_rejected: false }
    }

    /// A request that does not enter its handler: its deadline has passed on arrival.
    pub(super) const fn rejected(request_id: Option<HeaderValue>) -> Self {
        let reason = CancelReason::DeadlineExceeded;
        Self { reason, timeout: None, request_id, is_rejected: true }
    }

    /// Why the handler was stopped: [`CancelReason::DeadlineExceeded`] or
    /// [`CancelReason::Shutdown`].
    #[must_use]
    pub const fn reason(&self) -> CancelReason {
        self.reason
    }

    /// The time limit of the request, if it had one.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether the request did not enter its handler, because its deadline had passed on arrival.
    /// The answer then carries [`NotExecuted`] and not [`MaybeExecuted`].
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        self.is_rejected
    }

    /// The request's id, if it has one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref().and_then(|id| id.to_str().ok())
    }

    /// The answer, in the client's own protocol.
    #[cold]
    pub(crate) fn into_response<B: From<Bytes>>(
        self,
        client: Client,
        custom: Option<&MakeResponse>,
    ) -> Response<B> {
        let (reason, is_rejected) = (self.reason, self.is_rejected);
        let mut response = match custom {
            _ if client.is_grpc => {
                let mut response = self.to_answer().into_grpc_response(grpc_status(reason));
                forbid_retry(reason, response.headers_mut());
                response
            }
            Some(make) => make(self),
            None => self.to_answer().into_response(),
        };
        if is_rejected {
            response.extensions_mut().insert(NotExecuted::new());
        } else {
            response.extensions_mut().insert(MaybeExecuted::new());
        }
        if reason == CancelReason::Shutdown && client.closes_by_header() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response.map(B::from)
    }

    fn to_answer(&self) -> Answer {
        let answer = match (self.reason, self.timeout) {
            (CancelReason::Shutdown, _) => Answer::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "shutdown_forced",
                "The server stopped before the request was finished.",
            ),
            _ if self.is_rejected => Answer::new(
                StatusCode::GATEWAY_TIMEOUT,
                "deadline_expired",
                "The request came too late: its deadline had passed.",
            ),
            (_, Some(limit)) => Answer::new(
                StatusCode::GATEWAY_TIMEOUT,
                "deadline_exceeded",
                format!("The request took longer than its limit of {limit:?}."),
            ),
            (_, None) => Answer::new(
                StatusCode::GATEWAY_TIMEOUT,
                "deadline_exceeded",
                "The request took longer than its limit.",
            ),
        };
        let answer = match self.request_id() {
            Some(id) => answer.with_data("request_id", id.to_owned()),
            None => answer,
        };
        match self.timeout {
            Some(limit) => {
                let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                answer.with_data("timeout_ms", millis)
            }
            None => answer,
        }
    }
}

/// The trailers that end a gRPC stream whose handler was stopped.
pub(super) fn grpc_trailers(reason: CancelReason) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert("grpc-status", HeaderValue::from(u16::from(grpc_status(reason))));
    forbid_retry(reason, &mut trailers);
    trailers
}

/// Asks a gRPC client not to repeat a call that may have run.
fn forbid_retry(reason: CancelReason, headers: &mut HeaderMap) {
    // A retry policy repeats calls that end with `UNAVAILABLE`, unless the server pushes back (gRPC
    // proposal A6). `DEADLINE_EXCEEDED` is repeated only by a policy that lists it.
    if grpc_status(reason) == GRPC_UNAVAILABLE {
        headers.insert("grpc-retry-pushback-ms", HeaderValue::from_static("-1"));
    }
}

const fn grpc_status(reason: CancelReason) -> u8 {
    match reason {
        CancelReason::Shutdown => GRPC_UNAVAILABLE,
        _ => GRPC_DEADLINE_EXCEEDED,
    }
}
