//! What became of a request.

use std::{borrow::Cow, fmt, time::Duration};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The right status, and every byte of the right body.
    Answered,
    /// The server answered that it did not execute the request, and the client has read all of
    /// that answer: 503 with `Retry-After`, `grpc-status: 14` in a head without a body that does
    /// not forbid to retry, `REFUSED_STREAM`, or a GOAWAY whose last stream is below this one. Safe
    /// to send again.
    Rejected,
    /// No byte of the request was sent: the client got no connection, or the server had closed it.
    /// Safe to send again.
    Refused,
    /// Anything else: the client cannot know whether the request was executed.
    Lost(LossReason),
}

/// Why a request is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossReason {
    /// The connection was reset.
    Reset,
    /// The connection was closed before the first byte of the answer.
    ClosedUnanswered,
    /// The connection was closed inside the head of the answer.
    TruncatedHead,
    /// The connection was closed inside the body.
    TruncatedBody {
        /// How many bytes of the body had arrived.
        received: u64,
    },
    /// The body has neither a length nor chunks, so its end looks like a cut.
    NoEndMarker,
    /// The status is not the right one.
    WrongStatus(u16),
    /// The answer is 503 without `Retry-After`, so the client does not know that it may retry.
    NoRetryAfter,
    /// The answer is `grpc-status: 14`, but the call may have been executed: it has a body, or its
    /// `grpc-retry-pushback-ms` forbids to retry.
    GrpcUnavailable,
    /// The body differs from the right one.
    WrongBody {
        /// The offset of the first byte that differs.
        offset: u64,
    },
    /// The answer does not follow the protocol.
    Malformed(&'static str),
    /// The answer was not complete in time.
    TimedOut,
    /// The WebSocket was cut without a close frame.
    NoCloseFrame,
    /// The server closed the WebSocket first, and did not say why: its close frame has no code.
    NoCloseCode,
    /// The WebSocket was closed with a code that is none of 1000, 1001 and 1012.
    WrongCloseCode(u16),
    /// The HTTP/2 stream was reset with this error code.
    StreamReset(u32),
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reset => f.write_str("connection reset"),
            Self::ClosedUnanswered => f.write_str("closed without an answer"),
            Self::TruncatedHead => f.write_str("closed inside the head"),
            Self::TruncatedBody { received } => {
                write!(f, "closed after {received} bytes of the body")
            }
            Self::NoEndMarker => f.write_str("no end of the body is marked"),
            Self::WrongStatus(status) => write!(f, "status {status}"),
            Self::NoRetryAfter => f.write_str("status 503 without Retry-After"),
            Self::GrpcUnavailable => f.write_str("grpc-status 14 of a call that may have run"),
            Self::WrongBody { offset } => write!(f, "wrong body from byte {offset}"),
            Self::Malformed(what) => write!(f, "malformed: {what}"),
            Self::TimedOut => f.write_str("no complete answer in time"),
            Self::NoCloseFrame => f.write_str("WebSocket cut without a close frame"),
            Self::NoCloseCode => f.write_str("WebSocket closed without a code"),
            Self::WrongCloseCode(code) => write!(f, "WebSocket closed with code {code}"),
            Self::StreamReset(code) => write!(f, "HTTP/2 stream reset with code {code}"),
        }
    }
}

/// A request that is lost, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// The name of the client's scenario.
    pub scenario: Cow<'static, str>,
    /// Why it is lost.
    pub reason: LossReason,
    /// When the request began, counted from the start of the oracle.
    pub began: Duration,
    /// When it was seen to be lost, counted from the start of the oracle.
    pub ended: Duration,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, reason, began, ended } = self;
        let (began, ended) = (began.as_secs_f64(), ended.as_secs_f64());
        write!(f, "{scenario}: {reason} (began at {began:.3} s, lost at {ended:.3} s)")
    }
}
