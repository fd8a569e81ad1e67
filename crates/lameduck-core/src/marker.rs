//! Response extensions that say whether a client may send the request again.

/// Marks a response whose request reached no handler: the client may safely send it again.
///
/// Insert it into the response's extensions. An outer layer (idempotency, metrics, a proxy) reads
/// it there and need not guess from the status whether the request was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct NotExecuted;

impl NotExecuted {
    /// Makes the marker.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

/// Marks a response whose handler was stopped before its end: its work may be done or not.
///
/// The opposite of [`NotExecuted`]. Only an idempotent request may be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MaybeExecuted;

impl MaybeExecuted {
    /// Makes the marker.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}
