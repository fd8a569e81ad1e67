//! What became of a request.

use std::{fmt, time::Duration};

use super::Kind;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The right status, and every byte of the right body.
    Answered,
    /// The server said that it did not execute the request, and the whole of that was read: 503
    /// with `Retry-After`, `grpc-status: 14` in a head without a body that does not forbid to
    /// retry, `REFUSED_STREAM`, or a stream above the last one of a GOAWAY. Safe to send again.
    Rejected,
    /// No byte of the request was sent: no connection, or one that was closed before. Safe to
    /// send again.
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
    /// The connection was closed inside the body, after so many bytes of it.
    TruncatedBody {
        /// How many bytes of the body had arrived.
        received: u64,
    },
    /// The body has neither a length nor chunks, so that its end cannot be told from a cut.
    NoEndMarker,
    /// The status is not the right one.
    WrongStatus(u16),
    /// The answer is 503, but does not say when to come back.
    NoRetryAfter,
    /// The answer is `grpc-status: 14`, but may have been executed: it has a body, or forbids to
    /// retry by its `grpc-retry-pushback-ms`.
    GrpcUnavailable,
    /// The body differs from the right one.
    WrongBody {
        /// The offset of the first byte that differs.
        offset: u64,
    },
    /// What came back is not the protocol.
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
    /// The kind of client.
    pub kind: Kind,
    /// Why it is lost.
    pub reason: LossReason,
    /// When the request began, counted from the start of the oracle.
    pub began: Duration,
    /// When it was seen to be lost, counted from the start of the oracle.
    pub ended: Duration,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, reason, began, ended } = self;
        let (began, ended) = (began.as_secs_f64(), ended.as_secs_f64());
        write!(f, "{kind}: {reason} (began at {began:.3} s, lost at {ended:.3} s)")
    }
}
