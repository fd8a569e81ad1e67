//! What a layer shares with its services, futures and bodies.

use std::{any::Any, borrow::Cow, fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Request};
use lameduck_core::PhaseWatch;

use super::{
    counts::ContextCounts, head::RequestHead, interrupted::MakeResponse, options::ContextOptions,
};
use crate::request_id::InsertId;

/// Called once the id of a request is known.
pub(super) type OnRequestId = Arc<dyn Fn(&HeaderValue) + Send + Sync>;

/// Returns how long the handler of one request may take.
pub(super) type TimeoutBy = Arc<dyn Fn(&RequestHead<'_>) -> Option<Duration> + Send + Sync>;

/// Counts a piece of spawned work until what it returns is dropped.
pub(super) type Track = Arc<dyn Fn(Cow<'static, str>) -> Box<dyn Any + Send> + Send + Sync>;

/// What a layer shares with its services, futures and bodies.
#[derive(Clone, Default)]
pub(crate) struct Config {
    pub(crate) options: ContextOptions,
    pub(crate) phase: Option<PhaseWatch>,
    pub(super) timeout_by: Option<TimeoutBy>,
    pub(super) on_request_id: Option<OnRequestId>,
    pub(super) response: Option<MakeResponse>,
    pub(crate) track: Option<Track>,
    pub(crate) counts: ContextCounts,
    /// Puts the id where other libraries look for it.
    pub(crate) insert_id: Option<InsertId>,
    /// Whether the head of a request decides anything but its id.
    pub(crate) reads_head: bool,
    /// Whether the text of an id is certain to be read.
    pub(crate) shows_id: bool,
    /// Whether a request has to be read or changed as it begins, apart from its id.
    prepares: bool,
}

impl Config {
    /// Sums up the options, so that a request reads one word and not each of them.
    pub(super) fn sum_up(&mut self) {
        let ContextOptions { timeouts: _, request_id, inbound_deadline, trace, extension } =
            &self.options;
        self.insert_id = request_id.as_ref().and_then(|options| options.insert_id());
        self.reads_head =
            self.timeout_by.is_some() || inbound_deadline.is_some() || trace.is_some();
        self.shows_id = *extension || self.on_request_id.is_some() || self.insert_id.is_some();
        self.prepares = self.reads_head || *extension || self.insert_id.is_some();
    }

    /// Whether a request has to be read or changed.
    #[inline]
    pub(super) fn looks_into<B>(&self, request: &Request<B>) -> bool {
        let has_id = || {
            let ids = self.options.request_id.as_ref();
            ids.is_some_and(|ids| ids.is_in(request.headers()))
        };
        self.prepares || has_id()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            options,
            phase,
            timeout_by,
            on_request_id,
            response,
            track,
            counts,
            insert_id: _,
            reads_head: _,
            shows_id: _,
            prepares: _,
        } = self;
        f.debug_struct("Config")
            .field("options", options)
            .field("phase", phase)
            .field("timeout_by", &timeout_by.is_some())
            .field("on_request_id", &on_request_id.is_some())
            .field("response", &response.is_some())
            .field("track", &track.is_some())
            .field("counts", counts)
            .finish_non_exhaustive()
    }
}
