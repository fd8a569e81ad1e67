//! What the head of a request decides: its limit, its caller's deadline, its trace.

use std::sync::OnceLock;

use http::{Extensions, HeaderMap, Method, Request, Uri};

use crate::{
    TraceContext,
    alarm::from_now,
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
    if let Some(limit_by) = &config.limit_by {
        shared.limit = limit_by(head);
    }
    read_deadline(shared, config, head.headers);
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

/// The caller's deadline, where it is the shorter one.
fn read_deadline(shared: &mut Shared, config: &Config, headers: &HeaderMap) {
    let counts = &config.counts;
    let Some(policy) = &config.inbound else { return };
    let Some(left) = policy.read(headers, counts) else { return };
    let is_shorter = shared.limit.is_none_or(|limit| left < limit);
    if left.is_zero() {
        counts.note_deadline_expired();
    } else if is_shorter {
        counts.note_deadline_shortened();
    }
    if policy.is_dark() {
        return;
    }
    // From now: the caller's clock runs while the handler has not begun to wait.
    let at = from_now(left);
    shared.caller_at = Some(at);
    if is_shorter || left.is_zero() {
        shared.limit = Some(left);
        shared.deadline = OnceLock::from(at);
    }
}
