//! How often the stop was asked for.

use std::fmt;

use crate::StopCause;

/// How often the stop was asked for. Ordered: a later stage is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Escalation {
    /// Once: begin.
    First,
    /// Twice: hurry. What is still in flight is to be cancelled.
    Second,
    /// Three times or more: insist. What is still in flight is to be dropped.
    Third,
}

impl Escalation {
    /// The stage that one more trigger leads to.
    pub(crate) const fn after(reached: Option<Self>) -> Self {
        match reached {
            None => Self::First,
            Some(Self::First) => Self::Second,
            Some(Self::Second | Self::Third) => Self::Third,
        }
    }

    /// The stage's name in logs: lower case.
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

/// One trigger: the stage it led to, and who pulled it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopRequest {
    /// How often the stop was asked for by now.
    pub stage: Escalation,
    /// Who asked this time.
    pub cause: StopCause,
}

impl StopRequest {
    pub(crate) const fn new(stage: Escalation, cause: StopCause) -> Self {
        Self { stage, cause }
    }
}
