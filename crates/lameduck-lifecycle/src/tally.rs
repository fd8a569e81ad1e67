//! How many requests ended in which way.

/// How many requests came, and how they ended.
///
/// A cumulative reading of counters. The report has the difference of two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Requests that came.
    pub accepted: u64,
    /// Requests that were answered to the last byte.
    pub finished: u64,
    /// Requests that were rejected: the answer says that they were not executed.
    pub rejected: u64,
    /// Requests that ended before their answer: the client left, or the server was forced to stop.
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

    /// How the requests that were in flight at `self`, and those that came later, ended by `end`.
    ///
    /// The exit cuts requests that are in flight at `end`. They count as aborted.
    pub(crate) const fn until(&self, end: &Self) -> Self {
        Self {
            accepted: end.accepted.saturating_sub(self.accepted) + self.in_flight(),
            finished: end.finished.saturating_sub(self.finished),
            rejected: end.rejected.saturating_sub(self.rejected),
            aborted: end.aborted.saturating_sub(self.aborted) + end.in_flight(),
        }
    }
}
