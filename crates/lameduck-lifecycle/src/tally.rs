//! What became of the requests.

/// How many requests came, and what became of them.
///
/// A cumulative reading, as counters give it; the report holds the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Requests that came.
    pub accepted: u64,
    /// Requests that were answered to the last byte.
    pub finished: u64,
    /// Requests that were turned away with an answer that says so.
    pub rejected: u64,
    /// Requests that ended before their answer did: the client left, or the server had to.
    pub aborted: u64,
}

impl Tally {
    /// Makes a reading of all counters at one moment.
    #[must_use]
    pub const fn new(accepted: u64, finished: u64, rejected: u64, aborted: u64) -> Self {
        Self { accepted, finished, rejected, aborted }
    }

    /// Requests that came and have not ended yet.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.accepted.saturating_sub(self.finished + self.rejected + self.aborted)
    }

    /// What became, by `end`, of the requests in flight at `self` and of those that came later.
    ///
    /// Requests still in flight at `end` are cut by the exit, and count as aborted.
    pub(crate) const fn until(&self, end: &Self) -> Self {
        Self {
            accepted: end.accepted.saturating_sub(self.accepted) + self.in_flight(),
            finished: end.finished.saturating_sub(self.finished),
            rejected: end.rejected.saturating_sub(self.rejected),
            aborted: end.aborted.saturating_sub(self.aborted) + end.in_flight(),
        }
    }
}
