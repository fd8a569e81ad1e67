//! Which responses of a route are streams that end, and how.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Body;
use lameduck_core::{PhaseWatch, plumbing::is_grpc};

use super::{
    body::{End, Ending, UntilDrainBody},
    events::Events,
    messages::Messages,
    options::UntilDrainOptions,
};
use crate::{close_header::Closable, sampler::Sampler, until::Until};

const EVENTS: &str = "text/event-stream";

/// `UNAVAILABLE`: the one status that every client may retry without asking.
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");
const STOPPING: HeaderValue = HeaderValue::from_static("This server is stopping. Call again.");

/// In the extensions of a response: an [`UntilDrainLayer`](crate::UntilDrainLayer) leaves its body
/// alone, so that it runs to its own end, or to the end of the drain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a mark without content")]
pub struct RunOn;

/// What a layer and its services share.
#[derive(Debug)]
pub(super) struct Route {
    watch: PhaseWatch,
    options: UntilDrainOptions,
    sampler: Sampler,
}

/// What kind of stream a body is.
enum Kind {
    Events,
    Grpc,
    Other,
}

impl Route {
    pub(super) fn new(watch: PhaseWatch, mut options: UntilDrainOptions) -> Self {
        for content_type in &mut options.content_types {
            *content_type = essence(content_type).to_owned();
        }
        let sampler = Sampler::new(options.seed);
        Self { watch, options, sampler }
    }

    pub(super) const fn watch(&self) -> &PhaseWatch {
        &self.watch
    }

    pub(super) fn wrap<B: Body>(
        &self,
        mut response: Response<B>,
        closable: Closable,
    ) -> Response<UntilDrainBody<B>> {
        let Some(kind) = self.kind_of(&response) else {
            return response.map(|body| UntilDrainBody::new(body, None));
        };
        closable.close(&mut response);
        let until = Until::new(self.watch.clone(), self.options.phase);
        let ending = match kind {
            Kind::Events => Ending::Events(Events::new(), self.retry()),
            Kind::Grpc => Ending::Grpc(Messages::default(), self.unavailable()),
            Kind::Other => Ending::Nothing,
        };
        response.map(|body| UntilDrainBody::new(body, Some(End::new(until, ending))))
    }

    fn retry(&self) -> Bytes {
        let after = self.options.retry_after.draw_from(&self.sampler);
        Bytes::from(format!("retry: {}\n\n", after.as_millis()))
    }

    fn unavailable(&self) -> HeaderMap {
        let after = self.options.retry_after.draw_from(&self.sampler);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", UNAVAILABLE);
        trailers.insert("grpc-message", STOPPING);
        trailers.insert("grpc-retry-pushback-ms", HeaderValue::from(after.as_millis() as u64));
        trailers
    }

    /// `None` if the body does not end with the drain.
    fn kind_of<B: Body>(&self, response: &Response<B>) -> Option<Kind> {
        let headers = response.headers();
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let content_type = essence(content_type);
        let is = |other: &str| content_type.eq_ignore_ascii_case(other);
        let kind = match is(EVENTS) {
            true => Kind::Events,
            false if self.options.grpc && is_grpc(headers) => Kind::Grpc,
            false if self.options.content_types.iter().any(|other| is(other)) => Kind::Other,
            false => return None,
        };
        // A body with a known length may not look complete when it is not. A compressed one cannot
        // be cut between two events.
        let runs_on = headers.contains_key(header::CONTENT_LENGTH)
            || response.body().size_hint().exact().is_some()
            || is_encoded(headers)
            || response.extensions().get::<RunOn>().is_some();
        (!runs_on).then_some(kind)
    }
}

/// A content type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
