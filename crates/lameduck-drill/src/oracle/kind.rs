//! The kinds of load.

use std::fmt;

/// A kind of client, by what it asks and how it holds its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `GET /` on one connection, again and again, with a pause to think between two requests.
    KeepAlive,
    /// `GET /` on a new connection each time, with hardly a pause: a storm of connects.
    NewConnection,
    /// `GET /slow`, 50 to 400 ms, on one connection.
    SlowHandler,
    /// `GET /download`, 64 KiB to 1 MiB, read with pauses.
    Download,
    /// `POST /upload`, 4 to 12 parts with pauses between them, sized or chunked.
    SlowUpload,
    /// `GET /events`, 5 to 40 events.
    Sse,
    /// `GET /ws`, 5 to 40 messages that have to come back, then a close frame.
    ///
    /// One session counts as one request.
    WebSocket,
    /// Up to four streams at a time on one HTTP/2 connection, prior knowledge.
    Http2,
    /// `GET /` on one connection that is idle for 0 to 1500 ms between two requests: at a stop it
    /// speaks late, and may not have been told.
    Idle,
    /// `GET /` with its head in two halves, 20 to 400 ms apart, on one connection.
    HalfHead,
}

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::KeepAlive,
        Self::NewConnection,
        Self::SlowHandler,
        Self::Download,
        Self::SlowUpload,
        Self::Sse,
        Self::WebSocket,
        Self::Http2,
        Self::Idle,
        Self::HalfHead,
    ];

    /// The kind's name in reports: lower case, words joined by `_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeepAlive => "keep_alive",
            Self::NewConnection => "new_connection",
            Self::SlowHandler => "slow_handler",
            Self::Download => "download",
            Self::SlowUpload => "slow_upload",
            Self::Sse => "sse",
            Self::WebSocket => "web_socket",
            Self::Http2 => "http2",
            Self::Idle => "idle",
            Self::HalfHead => "half_head",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
