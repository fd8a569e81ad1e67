//! The answers for a handler that was stopped.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use lameduck_core::{
    MaybeExecuted, NotExecuted,
    plumbing::{Answer, is_grpc},
};

use crate::{Reason, config::MakeResponse};

const GRPC_DEADLINE_EXCEEDED: u8 = 4;
const GRPC_UNAVAILABLE: u8 = 14;

/// What stopped a handler, for the answer given in its stead.
///
/// [`ContextLayer::with_response`](crate::ContextLayer::with_response) hands it to a closure.
#[derive(Clone, Debug)]
pub struct Interrupted {
    reason: Reason,
    timeout: Option<Duration>,
    request_id: Option<HeaderValue>,
    /// Whether the request did not even enter its handler.
    is_refused: bool,
}

impl Interrupted {
    pub(crate) const fn new(
        reason: Reason,
        timeout: Option<Duration>,
        request_id: Option<HeaderValue>,
    ) -> Self {
        Self { reason, timeout, request_id, is_refused: false }
    }

    /// A request that did not enter its handler: its deadline had passed on arrival.
    pub(crate) const fn refused(request_id: Option<HeaderValue>) -> Self {
        Self { reason: Reason::DeadlineExceeded, timeout: None, request_id, is_refused: true }
    }

    /// Why the handler was stopped: [`Reason::DeadlineExceeded`] or [`Reason::Shutdown`].
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The time limit the request had, if it had one.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Whether the request did not even enter its handler, because its deadline had passed on
    /// arrival. The answer then carries [`NotExecuted`] instead of [`MaybeExecuted`].
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.is_refused
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
        let (reason, is_refused) = (self.reason, self.is_refused);
        let mut response = match custom {
            _ if client.is_grpc => {
                let mut response = self.to_answer().into_grpc_response(grpc_status(reason));
                forbid_retry(reason, response.headers_mut());
                response
            }
            Some(make) => make(self),
            None => self.to_answer().into_response(),
        };
        if is_refused {
            response.extensions_mut().insert(NotExecuted::new());
        } else {
            response.extensions_mut().insert(MaybeExecuted::new());
        }
        if reason == Reason::Shutdown && client.closes_by_header() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response.map(B::from)
    }

    fn to_answer(&self) -> Answer {
        let answer = match (self.reason, self.timeout) {
            (Reason::Shutdown, _) => Answer::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "shutdown_forced",
                "The server stopped before the request was finished.",
            ),
            _ if self.is_refused => Answer::new(
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

/// What has to be known of a client to answer it in its own protocol.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Client {
    version: Version,
    pub(crate) is_grpc: bool,
    asked: Asked,
}

/// What was asked, as far as it decides whether the answer has a body.
#[derive(Clone, Copy, Debug, Default)]
enum Asked {
    #[default]
    Body,
    /// `HEAD`.
    Head,
    /// `CONNECT`.
    Tunnel,
}

impl Client {
    #[inline]
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let asked = match *request.method() {
            Method::HEAD => Asked::Head,
            Method::CONNECT => Asked::Tunnel,
            _ => Asked::Body,
        };
        Self { version: request.version(), is_grpc: is_grpc_call(request), asked }
    }

    /// A client of which only its kind is known, which is enough to tell it of a deadline.
    pub(crate) const fn grpc(is_grpc: bool) -> Self {
        Self { version: Version::HTTP_2, is_grpc, asked: Asked::Body }
    }

    /// Whether an answer has a body. As RFC 9110, section 6.4.1, and as hyper decides it: it drops
    /// one that must not be there unpolled.
    pub(crate) fn may_have_body(self, status: StatusCode) -> bool {
        let never = status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        let asked_for_none = match self.asked {
            Asked::Head => true,
            Asked::Tunnel => status.is_success(),
            Asked::Body => false,
        };
        !never && !asked_for_none
    }

    /// Whether the connection is closed by saying so in a header.
    fn closes_by_header(self) -> bool {
        self.version <= Version::HTTP_11
    }
}

/// Whether a request is a gRPC call.
#[inline]
pub(crate) fn is_grpc_call<B>(request: &Request<B>) -> bool {
    // Every call is a POST, most requests are not: they are not looked through.
    *request.method() == Method::POST && is_grpc(request.headers())
}

/// The trailers that end a gRPC stream whose handler was stopped.
pub(crate) fn grpc_trailers(reason: Reason) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert("grpc-status", HeaderValue::from(u16::from(grpc_status(reason))));
    forbid_retry(reason, &mut trailers);
    trailers
}

/// Tells a gRPC client not to repeat a call that may have run.
fn forbid_retry(reason: Reason, headers: &mut HeaderMap) {
    // A retry policy repeats what is unavailable, unless the server pushes back (gRPC proposal A6).
    // A deadline that is over is not repeated by default: whoever lists it has chosen to.
    if grpc_status(reason) == GRPC_UNAVAILABLE {
        headers.insert("grpc-retry-pushback-ms", HeaderValue::from_static("-1"));
    }
}

const fn grpc_status(reason: Reason) -> u8 {
    match reason {
        Reason::Shutdown => GRPC_UNAVAILABLE,
        _ => GRPC_DEADLINE_EXCEEDED,
    }
}
