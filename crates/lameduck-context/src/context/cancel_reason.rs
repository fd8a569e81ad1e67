//! Why a request was cancelled.

use std::fmt;

/// The number of the first reason.
const FIRST: u8 = 2;

/// Why a request was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelReason {
    /// The request, or its response body, took longer than its limit.
    DeadlineExceeded,
    /// The request was dropped before its answer was complete: the client no longer reads it.
    ClientGone,
    /// The server stops and waits no longer.
    Shutdown,
    /// The handler, or the response body, panicked.
    Panicked,
    /// The response body failed: the answer ends there and is not complete.
    BodyFailed,
    /// The program's own reason, in its words: see
    /// [`RequestContext::cancel`](crate::RequestContext::cancel).
    Other(&'static str),
}

impl CancelReason {
    /// The reason's name in logs, metrics and answers: lower case, words joined by `_`, or the
    /// program's own words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::ClientGone => "client_gone",
            Self::Shutdown => "shutdown",
            Self::Panicked => "panicked",
            Self::BodyFailed => "body_failed",
            Self::Other(words) => words,
        }
    }

    /// The number the reason is stored as. Smaller numbers stand for requests without a reason.
    pub(super) const fn to_number(self) -> u8 {
        FIRST
            + match self {
                Self::DeadlineExceeded => 0,
                Self::ClientGone => 1,
                Self::Shutdown => 2,
                Self::Panicked => 3,
                Self::BodyFailed => 4,
                Self::Other(_) => 5,
            }
    }

    /// The reason a stored number stands for, if any. The program's own words are stored elsewhere.
    pub(super) fn from_number(
        number: u8,
        words: impl FnOnce() -> Option<&'static str>,
    ) -> Option<Self> {
        Some(match number.checked_sub(FIRST)? {
            0 => Self::DeadlineExceeded,
            1 => Self::ClientGone,
            2 => Self::Shutdown,
            3 => Self::Panicked,
            4 => Self::BodyFailed,
            _ => Self::Other(words().unwrap_or("cancelled")),
        })
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
