//! What is known of one connection, and of all connections together.

use std::{fmt, net::SocketAddr, time::Duration};

/// What a client speaks, as its first bytes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Protocol {
    /// No byte has come yet, or something that is neither: a PROXY header, or TLS that does not end
    /// in this listener.
    Unknown,
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2 with prior knowledge.
    Http2,
}

impl Protocol {
    /// The name in lists and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Http1 => "http/1",
            Self::Http2 => "http/2",
        }
    }

    pub(crate) const fn from_u8(number: u8) -> Self {
        match number {
            1 => Self::Http1,
            2 => Self::Http2,
            _ => Self::Unknown,
        }
    }
}

/// How far a connection is, as its bytes show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ConnectionStage {
    /// No byte has come yet.
    NoBytes,
    /// The head of the first request is not whole yet.
    Head,
    /// The last bytes came from the client: a request is being read, or is in flight. A `100
    /// Continue` that asks for its body changes nothing.
    Request,
    /// The last bytes went to the client: an answer is under way, or the connection is idle.
    Answered,
    /// HTTP/2: the requests of a peer share the connection.
    Multiplexed,
    /// The connection was switched to another protocol, such as WebSocket.
    Upgraded,
}

impl ConnectionStage {
    /// The name in lists and logs: lower case, words joined by `_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoBytes => "no_bytes",
            Self::Head => "head",
            Self::Request => "request",
            Self::Answered => "answered",
            Self::Multiplexed => "multiplexed",
            Self::Upgraded => "upgraded",
        }
    }

    pub(crate) const fn from_u8(number: u8) -> Self {
        match number {
            0 => Self::NoBytes,
            1 => Self::Head,
            2 => Self::Request,
            3 => Self::Answered,
            4 => Self::Multiplexed,
            _ => Self::Upgraded,
        }
    }
}

/// An open connection at the moment of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The peer's address. A Unix socket has none.
    pub peer: Option<SocketAddr>,
    /// The time since it was accepted.
    pub age: Duration,
    /// How far it is.
    pub stage: ConnectionStage,
    /// What the client speaks.
    pub protocol: Protocol,
    /// Bytes read from the client.
    pub bytes_in: u64,
    /// Bytes that the kernel took for the client; with TLS, bytes that the TLS layer took, which
    /// keeps at most 64 KiB.
    pub bytes_out: u64,
}

impl fmt::Display for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { peer, age, stage, protocol, bytes_in, bytes_out } = self;
        match peer {
            Some(peer) => write!(f, "{peer}")?,
            None => f.write_str("unix")?,
        }
        let (protocol, stage) = (protocol.name(), stage.name());
        let age = age.as_secs_f64();
        write!(f, " {protocol} {stage}, open {age:.3}s, {bytes_in} B in, {bytes_out} B out")
    }
}

/// Numbers over the whole life of a server. They only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionTotals {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections closed, for any reason.
    pub closed: u64,
    /// Connections closed by force.
    pub aborted: u64,
    /// Connections that were idle to the end of their grace, and were closed without notice to
    /// their client. A request that crosses such a close is lost, and cannot be counted here.
    pub idle_closed: u64,
    /// Requests that came after the last check for bytes, and got a 503 that says that they were
    /// not executed.
    pub rejected: u64,
    /// Connections that a stop closed although they had unread bytes: what they carried is lost.
    pub unread: u64,
    /// Accepts that failed, for example because no file descriptor was left.
    pub accept_errors: u64,
    /// Bytes read from all peers.
    pub bytes_in: u64,
    /// Bytes that the kernel took for all clients.
    pub bytes_out: u64,
}

/// How the listeners ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerClosed {
    /// How many listeners there were.
    pub listeners: usize,
    /// Connections that were accepted after draining began.
    pub from_queue: u64,
    /// Whether new clients were stopped while the queue was emptied: no SYN was answered any more.
    /// False on a system without the socket option.
    pub syns_stopped: bool,
    /// Whether the kernel said, before the close, that no handshake was under way. Then no client
    /// was reset. Otherwise it is only known that the queue was empty.
    pub settled: bool,
    /// Whether every queue was empty before its listener closed. False if the time was over,
    /// cancelling began, or a listener was dropped.
    pub queue_drained: bool,
    /// How many listeners were left open for another process that has them: see
    /// [`ListenerEnd::Leave`](crate::ListenerEnd::Leave).
    pub left_open: usize,
    /// How many clients were in the queues at the close, and were reset. `None` if the system does
    /// not say it.
    pub unaccepted: Option<u64>,
    /// The time from the start of draining to the close of the last listener.
    pub elapsed: Duration,
}

impl ListenerClosed {
    /// Before any listener closed.
    pub(crate) const NONE: Self = Self {
        listeners: 0,
        from_queue: 0,
        syns_stopped: true,
        settled: true,
        queue_drained: true,
        left_open: 0,
        unaccepted: Some(0),
        elapsed: Duration::ZERO,
    };

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            listeners: self.listeners + other.listeners,
            from_queue: self.from_queue + other.from_queue,
            syns_stopped: self.syns_stopped && other.syns_stopped,
            settled: self.settled && other.settled,
            queue_drained: self.queue_drained && other.queue_drained,
            left_open: self.left_open + other.left_open,
            unaccepted: self.unaccepted.zip(other.unaccepted).map(|(a, b)| a + b),
            elapsed: self.elapsed.max(other.elapsed),
        }
    }
}

impl fmt::Display for ListenerClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listeners, from_queue, syns_stopped, settled, queue_drained, left_open, .. } =
            self;
        let (unaccepted, elapsed) = (self.unaccepted, self.elapsed);
        if left_open == listeners && *left_open > 0 {
            return write!(f, "{left_open} left open after {elapsed:?}");
        }
        let syns = if *syns_stopped { "SYNs stopped" } else { "SYNs not stopped" };
        let end = match (queue_drained, settled) {
            (false, _) => "queue not drained",
            (true, true) => "no handshake under way",
            (true, false) => "queue empty",
        };
        write!(
            f,
            "{listeners} closed after {elapsed:?}, {from_queue} from the queue, {syns}, {end}"
        )?;
        if *left_open > 0 {
            write!(f, ", {left_open} of them left open")?;
        }
        match unaccepted {
            Some(left) if left > 0 => write!(f, ", {left} reset in the queue"),
            _ => Ok(()),
        }
    }
}
