//! How many came, and how they ended.

/// How many requests came to an [`InFlight`](crate::InFlight), and how they ended.
///
/// Once nothing is in flight, `entered == finished + aborted`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestTotals {
    entered: u64,
    left: u64,
    aborted: u64,
}

impl RequestTotals {
    pub(crate) const fn new(entered: u64, left: u64, aborted: u64) -> Self {
        Self { entered, left, aborted }
    }

    /// How many ever came.
    #[must_use]
    pub const fn entered(&self) -> u64 {
        self.entered
    }

    /// How many are over and handed over their whole answer.
    ///
    /// The answer is handed over when its body has ended, or has given as many bytes as it
    /// announced, or may have none (to `HEAD`, or with 204 or 304). A guard that is dropped
    /// counts here too. A rejected request is answered, and so is finished.
    #[must_use]
    pub const fn finished(&self) -> u64 {
        // One that is leaving this instant may be in `aborted` already and in `left` not yet.
        self.left.saturating_sub(self.aborted)
    }

    /// How many are over without that: the future or the body was dropped before its end, failed,
    /// or panicked.
    ///
    /// The client went away, the request was cut, or it failed and no layer further in turned the
    /// failure into an answer.
    #[must_use]
    pub const fn aborted(&self) -> u64 {
        self.aborted
    }

    /// How many came and are not over.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.entered - self.left
    }
}
