//! Which answers of a route are streams that end, and how.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Body;
use lameduck_core::{Phase, PhaseWatch, plumbing::is_grpc};

use super::{
    body::{End, Farewell, UntilDrainBody},
    events::Events,
    messages::Messages,
};
use crate::{RetryAfter, farewell::tell, sampler::Sampler, until::Until};

const EVENTS: &str = "text/event-stream";

/// `UNAVAILABLE`: every client may call again without asking.
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
const STOPPING: HeaderValue = HeaderValue::from_static("This server is stopping. Call again.");

/// In the extensions of a response: an [`UntilDrainLayer`](crate::UntilDrainLayer) leaves its body
/// alone, so that it runs on to its own end, or to that of the drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a mark, with nothing to say")]
pub struct RunOn;

/// What a layer and all services it makes share.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) watch: PhaseWatch,
    pub(super) phase: Phase,
    pub(super) retry_after: RetryAfter,
    /// Without parameters.
    pub(super) content_types: Vec<String>,
    pub(super) ends_grpc: bool,
    pub(super) sampler: Arc<Sampler>,
}

/// What kind of stream a body is.
enum Kind {
    Events,
    Grpc,
    Other,
}

impl Route {
    pub(super) fn new(watch: PhaseWatch) -> Self {
        Self {
            watch,
            phase: Phase::Draining,
            retry_after: RetryAfter::default(),
            content_types: Vec::new(),
            ends_grpc: false,
            sampler: Arc::new(Sampler::random()),
        }
    }

    pub(super) fn wrap<B: Body>(
        &self,
        mut response: Response<B>,
        by_header: bool,
    ) -> Response<UntilDrainBody<B>> {
        let Some(kind) = self.kind_of(&response) else {
            return response.map(|body| UntilDrainBody::new(body, None));
        };
        if by_header {
            tell(&mut response);
        }
        let until = Until::new(self.watch.clone(), self.phase);
        let farewell = match kind {
            Kind::Events => Farewell::Events(Events::new(), self.retry()),
            Kind::Grpc => Farewell::Grpc(Messages::default(), self.unavailable()),
            Kind::Other => Farewell::Nothing,
        };
        response.map(|body| UntilDrainBody::new(body, Some(End::new(until, farewell))))
    }

    fn retry(&self) -> Bytes {
        let after = self.retry_after.draw_from(&self.sampler);
        Bytes::from(format!("retry: {}\n\n", after.as_millis()))
    }

    fn unavailable(&self) -> HeaderMap {
        let after = self.retry_after.draw_from(&self.sampler);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", UNAVAILABLE);
        trailers.insert("grpc-message", STOPPING);
        trailers.insert("grpc-retry-pushback-ms", HeaderValue::from(after.as_millis() as u64));
        trailers
    }

    /// `None`: it is not one that ends.
    fn kind_of<B: Body>(&self, response: &Response<B>) -> Option<Kind> {
        let headers = response.headers();
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let content_type = essence(content_type);
        let is = |other: &str| content_type.eq_ignore_ascii_case(other);
        let kind = match is(EVENTS) {
            true => Kind::Events,
            false if self.ends_grpc && is_grpc(headers) => Kind::Grpc,
            false if self.content_types.iter().any(|other| is(other)) => Kind::Other,
            false => return None,
        };
        // What said how long it is may not look whole when it is not. What is compressed cannot be
        // cut between two events.
        let runs_on = headers.contains_key(header::CONTENT_LENGTH)
            || response.body().size_hint().exact().is_some()
            || is_encoded(headers)
            || response.extensions().get::<RunOn>().is_some();
        (!runs_on).then_some(kind)
    }
}

/// A content type without its parameters.
pub(super) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
