//! What a layer and its services share, and what they decide with it.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use lameduck_core::{
    NotExecuted, Phase, PhaseWatch,
    plumbing::{Answer, is_grpc},
};

use crate::{
    DrainOptions, Rejection, Rejections, close_header::Closable, gradual::is_in_share,
    sampler::Sampler,
};

/// gRPC's `UNAVAILABLE`: the one status that every client may retry without asking.
const UNAVAILABLE: u8 = 14;

/// What a layer and its services share.
pub(crate) struct Config {
    watch: PhaseWatch,
    options: DrainOptions,
    sampler: Sampler,
    rejections: Rejections,
}

impl Config {
    pub(crate) fn new(watch: PhaseWatch, options: DrainOptions, rejections: Rejections) -> Self {
        let sampler = Sampler::new(options.seed);
        Self { watch, options, sampler, rejections }
    }

    pub(crate) const fn watch(&self) -> &PhaseWatch {
        &self.watch
    }

    pub(crate) const fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    /// Whether a request that comes now may be rejected, or the client of a response that is ready
    /// now be asked to leave.
    ///
    /// Read anew for the response: the phase may have moved since the request came. If it moves
    /// while the handler is polled, that response says nothing; its client keeps the connection and
    /// is notified on the next response.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.watch.has_reached(Phase::LameDuck)
    }

    /// The rejection of a request that comes now, unless it is let in.
    #[cold]
    pub(crate) fn reject<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let phase = self.watch.current();
        let is_due = match self.options.gradual_rejection {
            // Rejected before its time, a client could still have been served.
            Some(window) => is_in_share(window, phase, &self.watch, &self.sampler).unwrap_or(false),
            None => phase > Phase::LameDuck,
        };
        let is_rejected = is_due && !self.options.exempt.has(request);
        is_rejected.then(|| self.rejection(phase, request))
    }

    /// Asks the client of a response to leave, if it is its turn.
    #[cold]
    pub(crate) fn notify<B>(&self, closable: Closable, response: &mut Response<B>) {
        let is_due = self.options.gradual_close.is_none_or(|window| {
            // Not notified in time, a client would be cut off.
            is_in_share(window, self.watch.current(), &self.watch, &self.sampler).unwrap_or(true)
        });
        if is_due {
            self.mark(closable, response);
        }
    }

    fn mark<B>(&self, closable: Closable, response: &mut Response<B>) {
        closable.close(response);
        if let Some((name, value)) = &self.options.marker {
            response.headers_mut().insert(name, value.clone());
        }
    }

    fn rejection<B>(&self, phase: Phase, request: &Request<B>) -> Response<Bytes> {
        self.rejections.add();
        let options = &self.options.rejection;
        let retry_after = options.retry_after.draw_seconds(&self.sampler);
        let rejection = Rejection::new(phase, options.status.code(), retry_after);
        let mut response = match &options.response {
            _ if is_grpc(request.headers()) => grpc(rejection),
            Some(response) => response(rejection),
            None => answer(rejection).into_response(),
        };
        response
            .headers_mut()
            .entry(header::RETRY_AFTER)
            .or_insert_with(|| HeaderValue::from(retry_after));
        response.extensions_mut().insert(NotExecuted::new());
        self.mark(Closable::of(request), &mut response);
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
        let Self { watch, options, sampler: _, rejections } = self;
        f.debug_struct("Config")
            .field("phase", &watch.current())
            .field("options", options)
            .field("rejections", rejections)
            .finish_non_exhaustive()
    }
}
