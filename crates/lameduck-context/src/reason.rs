//! Why a request was cancelled.

use std::fmt;

/// The number of the first reason.
const FIRST: u8 = 2;

/// Why a request was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The request, or its response body, took longer than its limit.
    DeadlineExceeded,
    /// The request was dropped before its answer was complete: nobody reads it any more.
    ClientGone,
    /// The server stops, and waits no longer.
    Shutdown,
    /// The handler, or the response body, panicked.
    Panicked,
    /// The response body failed: the answer ends there, and is not complete.
    BodyFailed,
}

impl Reason {
    /// The reason's name in logs, metrics and answers: lower case, words joined by `_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::ClientGone => "client_gone",
            Self::Shutdown => "shutdown",
            Self::Panicked => "panicked",
            Self::BodyFailed => "body_failed",
        }
    }

    /// The number the reason is stored as. Those below are for requests without a reason.
    pub(crate) const fn to_number(self) -> u8 {
        FIRST + self as u8
    }

    /// The reason a stored number stands for, if it stands for one.
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        let all = [
            Self::DeadlineExceeded,
            Self::ClientGone,
            Self::Shutdown,
            Self::Panicked,
            Self::BodyFailed,
        ];
        all.into_iter().find(|reason| reason.to_number() == number)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
