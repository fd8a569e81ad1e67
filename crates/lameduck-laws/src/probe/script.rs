//! What a probe will do: its readiness, its answer and its body.

use std::fmt;

/// The error of a [`Probe`](crate::Probe) and of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeError {
    number: u32,
}

impl ProbeError {
    /// Makes an error. Its number tells it from others.
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

/// One result of a probe's `poll_ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadyStep {
    /// Not ready yet. The task is woken at once.
    Pending,
    /// The service has failed.
    Error(ProbeError),
}

/// One result of a probe's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyStep {
    /// A data frame.
    Data(&'static str),
    /// A trailers frame that holds `x-probe: trailer`.
    Trailers,
    /// Nothing yet. The task is woken at once.
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
    /// `call` itself panics, so there is no future.
    PanicInCall,
    /// The last poll panics.
    PanicInPoll,
}

/// What a [`Probe`](crate::Probe) will do with each request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Script {
    /// What `poll_ready` returns before it returns that the service is ready. By default nothing.
    pub ready: Vec<ReadyStep>,
    /// How often the future is pending before it ends. By default 0.
    pub pending: usize,
    /// How the future ends. By default with an answer.
    pub end: End,
    /// What the body returns. By default nothing: it is at its end from the start.
    pub body: Vec<BodyStep>,
    /// Whether the body knows its exact size. By default true. Otherwise it returns a range.
    pub is_sized: bool,
}

impl Script {
    /// The default script: ready, answered at the first poll, with an empty body.
    #[must_use]
    pub const fn new() -> Self {
        Self { ready: Vec::new(), pending: 0, end: End::Answer, body: Vec::new(), is_sized: true }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}
