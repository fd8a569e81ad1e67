//! What a layer was told, shared by its services, futures and bodies.

use std::{any::Any, borrow::Cow, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Extensions, HeaderValue, Request, Response};
use lameduck_core::PhaseWatch;

use crate::{ContextCounts, InboundDeadline, Interrupted, RequestHead, id::IdPolicy};

/// Called once the id of a request is known.
pub(crate) type OnId = Arc<dyn Fn(&HeaderValue) + Send + Sync>;

/// Puts an id into the extensions of a request.
pub(crate) type InsertId = fn(&HeaderValue, &mut Extensions);

/// Makes the answer for a handler that was stopped.
pub(crate) type MakeResponse = Arc<dyn Fn(Interrupted) -> Response<Bytes> + Send + Sync>;

/// Says how long one request's handler may take.
pub(crate) type LimitBy = Arc<dyn Fn(&RequestHead<'_>) -> Option<Duration> + Send + Sync>;

/// Counts a piece of spawned work until what it returns is dropped.
pub(crate) type Track = Arc<dyn Fn(Cow<'static, str>) -> Box<dyn Any + Send> + Send + Sync>;

/// What is done with a trace that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TracePolicy {
    /// Its headers are not read.
    Ignored,
    /// They are carried on as they came.
    PassedThrough,
    /// The request has a span of its own.
    OwnSpans,
}

/// What a layer was told.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) timeout: Option<Duration>,
    pub(crate) body_limit: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) phase: Option<PhaseWatch>,
    pub(crate) id: Option<IdPolicy>,
    pub(crate) extension: bool,
    pub(crate) on_id: Option<OnId>,
    pub(crate) response: Option<MakeResponse>,
    /// Puts the id where others look for it.
    pub(crate) insert_id: Option<InsertId>,
    pub(crate) drain_reserve: Duration,
    pub(crate) limit_by: Option<LimitBy>,
    pub(crate) inbound: Option<InboundDeadline>,
    pub(crate) trace: TracePolicy,
    pub(crate) track: Option<Track>,
    pub(crate) counts: ContextCounts,
    /// Whether a request's head decides anything but its id.
    pub(crate) reads_head: bool,
    /// Whether the text of an id is certain to be read.
    pub(crate) shows_id: bool,
    /// Whether there is anything to be done with a request as it begins, beside its id.
    pub(crate) prepares: bool,
}

impl Config {
    /// Sums up what a request has to look at, so that it looks at one word.
    pub(crate) fn sum_up(&mut self) {
        self.reads_head =
            self.limit_by.is_some() || self.inbound.is_some() || self.trace != TracePolicy::Ignored;
        self.shows_id = self.extension || self.on_id.is_some() || self.insert_id.is_some();
        self.prepares = self.reads_head || self.extension || self.insert_id.is_some();
    }

    /// Whether a request has to be read or changed.
    #[inline]
    pub(crate) fn looks_into<B>(&self, request: &Request<B>) -> bool {
        let has_id = || self.id.as_ref().is_some_and(|policy| policy.is_in(request.headers()));
        self.prepares || has_id()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: None,
            body_limit: None,
            grace: Duration::from_millis(500),
            phase: None,
            id: Some(IdPolicy::default()),
            extension: false,
            on_id: None,
            response: None,
            insert_id: None,
            drain_reserve: Duration::ZERO,
            limit_by: None,
            inbound: None,
            trace: TracePolicy::Ignored,
            track: None,
            counts: ContextCounts::default(),
            reads_head: false,
            shows_id: false,
            prepares: false,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            timeout,
            body_limit,
            grace,
            phase,
            id,
            extension,
            on_id,
            response,
            insert_id,
            drain_reserve,
            limit_by,
            inbound,
            trace,
            track,
            counts,
            reads_head: _,
            shows_id: _,
            prepares: _,
        } = self;
        f.debug_struct("Config")
            .field("timeout", timeout)
            .field("body_limit", body_limit)
            .field("grace", grace)
            .field("phase", phase)
            .field("id", id)
            .field("extension", extension)
            .field("on_id", &on_id.is_some())
            .field("response", &response.is_some())
            .field("insert_id", &insert_id.is_some())
            .field("drain_reserve", drain_reserve)
            .field("limit_by", &limit_by.is_some())
            .field("inbound", inbound)
            .field("trace", trace)
            .field("track", &track.is_some())
            .field("counts", counts)
            .finish()
    }
}
