//! What a layer and all services it makes share.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use lameduck_core::{
    NotExecuted, Phase, PhaseWatch,
    plumbing::{Answer, is_grpc},
};

use crate::{
    Rejection, Rejections, RetryAfter,
    exempt::Exempt,
    farewell::{is_told_by_header, tell},
    gradual::Gradual,
    sampler::Sampler,
};

/// gRPC's `UNAVAILABLE`: the one status that every client may retry without asking.
const UNAVAILABLE: u8 = 14;

type OwnResponse = Arc<dyn Fn(Rejection) -> Response<Bytes> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) watch: PhaseWatch,
    pub(crate) status: StatusCode,
    pub(crate) retry_after: RetryAfter,
    pub(crate) exempt: Exempt,
    pub(crate) response: Option<OwnResponse>,
    /// What marks an answer besides `Connection: close`, and on every version.
    pub(crate) marker: Option<(HeaderName, HeaderValue)>,
    /// How the farewell of lame duck is spread, if it is.
    pub(crate) gradual_farewell: Option<Gradual>,
    /// How requests are turned away during lame duck, if they are.
    pub(crate) gradual_rejection: Option<Gradual>,
    pub(crate) sampler: Arc<Sampler>,
    pub(crate) rejections: Rejections,
}

impl Config {
    pub(crate) fn new(watch: PhaseWatch) -> Self {
        Self {
            watch,
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after: RetryAfter::default(),
            exempt: Exempt::probes(),
            response: None,
            marker: None,
            gradual_farewell: None,
            gradual_rejection: None,
            sampler: Arc::new(Sampler::random()),
            rejections: Rejections::default(),
        }
    }

    /// Whether a request that comes in `phase`, which is not running, is turned away.
    #[cold]
    pub(crate) fn rejects<B>(&self, phase: Phase, request: &Request<B>) -> bool {
        let is_due = match &self.gradual_rejection {
            // Turned away before its time, a client could still have been served.
            Some(gradual) => gradual.takes(phase, &self.watch, &self.sampler).unwrap_or(false),
            None => phase > Phase::LameDuck,
        };
        is_due && !self.exempt.has(request)
    }

    /// Whether the answer to a request that is let in has to be looked at when it leaves.
    #[inline]
    pub(crate) const fn may_tell(&self, by_header: bool) -> bool {
        by_header || self.marker.is_some()
    }

    /// Asks the client of an answer to leave, if it is its turn.
    #[cold]
    pub(crate) fn say_farewell<B>(
        &self,
        phase: Phase,
        by_header: bool,
        response: &mut Response<B>,
    ) {
        let is_due = self.gradual_farewell.is_none_or(|gradual| {
            // Not told in time, a client would be cut.
            gradual.takes(phase, &self.watch, &self.sampler).unwrap_or(true)
        });
        if is_due {
            self.tell(by_header, response);
        }
    }

    fn tell<B>(&self, by_header: bool, response: &mut Response<B>) {
        if by_header {
            tell(response);
        }
        if let Some((name, value)) = &self.marker {
            response.headers_mut().insert(name, value.clone());
        }
    }

    /// Turns a request away.
    #[cold]
    pub(crate) fn reject<B>(&self, phase: Phase, request: &Request<B>) -> Response<Bytes> {
        self.rejections.add();
        let retry_after = self.retry_after.draw_seconds(&self.sampler);
        let rejection = Rejection { phase, status: self.status, retry_after };
        let mut response = match &self.response {
            _ if is_grpc(request.headers()) => grpc(rejection),
            Some(response) => response(rejection),
            None => answer(rejection).into_response(),
        };
        response
            .headers_mut()
            .entry(header::RETRY_AFTER)
            .or_insert_with(|| HeaderValue::from(retry_after));
        response.extensions_mut().insert(NotExecuted::new());
        self.tell(is_told_by_header(request), &mut response);
        response
    }
}

fn answer(rejection: Rejection) -> Answer {
    let Rejection { phase, status, retry_after } = rejection;
    let message = "This server is stopping and did not execute the request. Send it again.";
    Answer::new(status, "draining", message)
        .with_data("phase", phase.name())
        .with_data("retry_after", retry_after)
}

fn grpc(rejection: Rejection) -> Response<Bytes> {
    let mut response = answer(rejection).into_grpc_response(UNAVAILABLE);
    let pushback = HeaderValue::from(rejection.retry_after.saturating_mul(1000));
    response.headers_mut().insert("grpc-retry-pushback-ms", pushback);
    response
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            watch,
            status,
            retry_after,
            exempt,
            response,
            marker,
            gradual_farewell,
            gradual_rejection,
            sampler: _,
            rejections,
        } = self;
        f.debug_struct("Config")
            .field("phase", &watch.current())
            .field("status", status)
            .field("retry_after", retry_after)
            .field("exempt", exempt)
            .field("has_own_response", &response.is_some())
            .field("marker", marker)
            .field("gradual_farewell", gradual_farewell)
            .field("gradual_rejection", gradual_rejection)
            .field("rejections", rejections)
            .finish_non_exhaustive()
    }
}
