//! Why an outbound call has failed.

use std::{error::Error, fmt};

use crate::CancelReason;

/// The error of a call through an [`OutboundLayer`](crate::OutboundLayer): the client's own, or
/// that the call was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundError<E> {
    kind: Kind<E>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind<E> {
    NotSent(CancelReason),
    Cancelled(CancelReason),
    Failed(E),
}

impl<E> OutboundError<E> {
    pub(super) const fn not_sent(reason: CancelReason) -> Self {
        Self { kind: Kind::NotSent(reason) }
    }

    pub(super) const fn cancelled(reason: CancelReason) -> Self {
        Self { kind: Kind::Cancelled(reason) }
    }

    pub(super) const fn failed(error: E) -> Self {
        Self { kind: Kind::Failed(error) }
    }

    /// Why the call was cancelled: its time is over, or its request is cancelled. `None` if the
    /// client itself failed.
    #[must_use]
    pub const fn reason(&self) -> Option<CancelReason> {
        match self.kind {
            Kind::NotSent(reason) | Kind::Cancelled(reason) => Some(reason),
            Kind::Failed(_) => None,
        }
    }

    /// Whether the call was not sent, so that nothing was executed.
    #[must_use]
    pub const fn is_not_sent(&self) -> bool {
        matches!(self.kind, Kind::NotSent(_))
    }

    /// The client's own error, if it is one.
    #[must_use]
    pub fn into_inner(self) -> Option<E> {
        match self.kind {
            Kind::Failed(error) => Some(error),
            Kind::NotSent(_) | Kind::Cancelled(_) => None,
        }
    }
}

impl<E> fmt::Display for OutboundError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::NotSent(reason) => write!(f, "the call was not made: {reason}"),
            Kind::Cancelled(reason) => write!(f, "the call was cancelled: {reason}"),
            Kind::Failed(_) => f.write_str("the call failed"),
        }
    }
}

impl<E: Error + 'static> Error for OutboundError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Failed(error) => Some(error),
            Kind::NotSent(_) | Kind::Cancelled(_) => None,
        }
    }
}
