//! Response extensions that say whether a request may be sent again.

/// Marks a response whose request no handler has seen: it is safe to send again.
///
/// Insert it into the response's extensions. A layer further out (idempotency, metrics, a proxy)
/// reads it there and knows, without guessing from the status, that nothing was executed.
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

/// Marks a response whose handler was stopped on its way: whether it did its work is unknown.
///
/// The opposite of [`NotExecuted`]. Only a request that is idempotent may be sent again.
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
