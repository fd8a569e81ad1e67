//! What has to be known about a client to answer it in its own protocol.

use http::{Method, Request, Version};
use lameduck_core::plumbing::{BodyRule, is_grpc};

/// What has to be known about a client to answer it in its own protocol.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Client {
    version: Version,
    pub(super) is_grpc: bool,
    pub(super) body_rule: BodyRule,
}

impl Client {
    #[inline]
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let body_rule = BodyRule::of(request.method());
        Self { version: request.version(), is_grpc: is_grpc_call(request), body_rule }
    }

    /// A client of which only its kind is known. That is enough to answer for a deadline.
    pub(crate) const fn of_kind(is_grpc: bool) -> Self {
        Self { version: Version::HTTP_2, is_grpc, body_rule: BodyRule::ByStatus }
    }

    /// Whether a header asks this client to close its connection.
    pub(super) fn closes_by_header(self) -> bool {
        self.version <= Version::HTTP_11
    }
}

/// Whether a request is a gRPC call.
#[inline]
pub(crate) fn is_grpc_call<B>(request: &Request<B>) -> bool {
    // Every call is a POST and most requests are not: their headers are not searched.
    *request.method() == Method::POST && is_grpc(request.headers())
}
