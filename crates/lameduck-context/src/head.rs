//! What the head of a request decides: its limit, its caller's deadline, its trace.

use std::sync::OnceLock;

use http::{Extensions, HeaderMap, Method, Request, Uri};

use crate::{
    TraceContext,
    alarm::from_now,
    bounds::Bounds,
    config::{Config, TracePolicy},
    shared::Shared,
};

/// A request without its body, as
/// [`ContextLayer::with_timeout_by`](crate::ContextLayer::with_timeout_by) shows it.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.method
    }

    /// The target.
    #[must_use]
    pub const fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The headers.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions. axum's `MatchedPath` is there, if the layer is on the router.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.extensions
    }
}

/// Reads what the head decides. Nobody else has `shared`.
#[inline(never)]
pub(crate) fn read(shared: &mut Shared, config: &Config, head: &RequestHead<'_>) {
    let limit = match &config.limit_by {
        Some(limit_by) => limit_by(head),
        None => config.timeout,
    };
    let bounds = Bounds { limit, ..Bounds::default() };
    let bounds = bounds_by_caller(config, head.headers, bounds);
    shared.bound(bounds);
    if let (Some(at), true) = (bounds.caller_at, bounds.limit != limit) {
        shared.deadline = OnceLock::from(at);
    }
    if config.trace == TracePolicy::Ignored {
        return;
    }
    let trace = TraceContext::read(head.headers);
    if !trace.is_empty() {
        let is_own = config.trace == TracePolicy::OwnSpans;
        let trace = if is_own { trace.with_own_span() } else { trace };
        let _ = shared.more().trace.set(trace);
    }
}

/// The bounds with the caller's deadline, where that is the shorter one.
fn bounds_by_caller(config: &Config, headers: &HeaderMap, own: Bounds) -> Bounds {
    let counts = &config.counts;
    let Some(policy) = &config.inbound else { return own };
    let Some(left) = policy.read(headers, counts) else { return own };
    let is_shorter = own.limit.is_none_or(|limit| left < limit);
    if left.is_zero() {
        counts.note_deadline_expired();
    } else if is_shorter {
        counts.note_deadline_shortened();
    }
    if policy.is_dark() {
        return own;
    }
    // From now: the caller's clock runs while the handler has not begun to wait.
    let caller_at = Some(from_now(left));
    let limit = if is_shorter { Some(left) } else { own.limit };
    Bounds { limit, caller_at, is_expired: left.is_zero() }
}
