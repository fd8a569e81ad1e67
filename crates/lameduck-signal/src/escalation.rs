//! How often a stop was asked for.

use std::fmt;

use crate::StopCause;

/// How often a stop was asked for. Ordered: more often is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Escalation {
    /// Once: the stop begins.
    First,
    /// Twice: requests in flight should be cancelled.
    Second,
    /// Three times or more: requests in flight should be dropped.
    Third,
}

impl Escalation {
    /// The escalation that one more trigger leads to.
    pub(crate) const fn after(reached: Option<Self>) -> Self {
        match reached {
            None => Self::First,
            Some(Self::First) => Self::Second,
            Some(Self::Second | Self::Third) => Self::Third,
        }
    }

    /// The name in logs, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
        }
    }
}

impl fmt::Display for Escalation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One trigger: what it asks for, and its cause.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopRequest {
    /// How often the stop has been asked for, this trigger included.
    pub escalation: Escalation,
    /// What asked this time.
    pub cause: StopCause,
}

impl StopRequest {
    pub(crate) const fn new(escalation: Escalation, cause: StopCause) -> Self {
        Self { escalation, cause }
    }
}
