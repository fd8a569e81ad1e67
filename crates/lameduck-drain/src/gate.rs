//! The gate: asked once when a request comes, and once when its answer leaves.

use std::fmt;

use bytes::Bytes;
use http::{Request, Response};
use lameduck_core::Phase;

use crate::{config::Config, farewell::is_told_by_header};

/// What all services of a layer ask.
#[derive(Clone, Copy)]
pub(crate) struct Gate {
    config: &'static Config,
}

/// A request that was let in, and whose client may have to be told when it is answered.
#[derive(Debug)]
#[must_use = "the client is told when its answer is seen off"]
pub(crate) struct Passed {
    // None: there is nothing to be told, whatever the phase.
    gate: Option<Gate>,
    by_header: bool,
}

impl Gate {
    pub(crate) const fn new(config: &'static Config) -> Self {
        Self { config }
    }

    /// Whether a request that comes now has to be looked at.
    #[inline]
    pub(crate) fn is_past_running(&self) -> bool {
        self.phase() > Phase::Running
    }

    /// Lets a request in.
    #[inline]
    pub(crate) fn let_in<B>(&self, request: &Request<B>) -> Passed {
        let by_header = is_told_by_header(request);
        // Who cannot be told need not be asked about again.
        let gate = self.config.may_tell(by_header).then_some(*self);
        Passed { gate, by_header }
    }

    /// The refusal of a request, unless it is let in.
    pub(crate) fn refuse<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let (config, phase) = (self.config, self.phase());
        config.rejects(phase, request).then(|| config.reject(phase, request))
    }

    fn phase(&self) -> Phase {
        self.config.watch.current()
    }
}

impl Passed {
    /// Whether the client is to be told to leave, if its answer is ready now.
    ///
    /// Not by the phase in which the request came: it may have moved meanwhile. One that moves
    /// while the handler is polled leaves that answer unnotified; its client keeps the connection and
    /// is told on the next one.
    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.gate.is_some_and(|gate| gate.phase().is_stopping())
    }

    /// Tells the client of this answer to leave, if it is its turn.
    pub(crate) fn see_off<B>(&self, response: &mut Response<B>) {
        if let Some(Gate { config }) = self.gate {
            config.say_farewell(config.watch.current(), self.by_header, response);
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config } = self;
        f.debug_struct("Gate").field("config", config).finish()
    }
}
