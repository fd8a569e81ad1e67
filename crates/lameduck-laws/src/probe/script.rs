//! What a probe will do: its readiness, its answer and its body.

use std::fmt;

/// The error of a [`Probe`](crate::Probe) and of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeError {
    number: u32,
}

impl ProbeError {
    /// Makes an error that is told from others by its number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self { number }
    }
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "probe error {}", self.number)
    }
}

impl std::error::Error for ProbeError {}

/// One answer of a probe's `poll_ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadyStep {
    /// Not ready yet; the task is woken at once.
    Pending,
    /// The service has failed.
    Error(ProbeError),
}

/// One answer of a probe's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyStep {
    /// A data frame.
    Data(&'static str),
    /// A trailers frame that holds `x-probe: trailer`.
    Trailers,
    /// Nothing yet; the task is woken at once.
    Pending,
    /// The body fails.
    Error(ProbeError),
    /// The poll panics.
    Panic,
}

/// How a probe's future ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// With a response: status 203, `x-probe: answer` and the scripted body.
    Answer,
    /// With an error.
    Error(ProbeError),
    /// `call` itself panics, no future is made.
    PanicInCall,
    /// The last poll panics.
    PanicInPoll,
}

/// What a [`Probe`](crate::Probe) will do with each request.
///
/// By default it is ready, answers at its first poll, and its body is empty and at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub(crate) ready: Vec<ReadyStep>,
    pub(crate) pending: usize,
    pub(crate) end: End,
    pub(crate) body: Vec<BodyStep>,
    pub(crate) sized: bool,
}

impl Script {
    /// Makes the default script.
    #[must_use]
    pub const fn new() -> Self {
        Self { ready: Vec::new(), pending: 0, end: End::Answer, body: Vec::new(), sized: true }
    }

    /// Sets what `poll_ready` answers before it answers that it is ready.
    #[must_use]
    pub fn with_ready(mut self, steps: impl Into<Vec<ReadyStep>>) -> Self {
        self.ready = steps.into();
        self
    }

    /// Sets how often the future is pending before it ends. By default 0.
    #[must_use]
    pub const fn with_pending(mut self, polls: usize) -> Self {
        self.pending = polls;
        self
    }

    /// Sets how the future ends. By default with an answer.
    #[must_use]
    pub const fn with_end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// Sets what the body answers. By default nothing: it is at its end from the start.
    #[must_use]
    pub fn with_body(mut self, steps: impl Into<Vec<BodyStep>>) -> Self {
        self.body = steps.into();
        self
    }

    /// Sets whether the body tells its exact size. By default it does; else it gives a range.
    #[must_use]
    pub const fn with_exact_size(mut self, exact: bool) -> Self {
        self.sized = exact;
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}
