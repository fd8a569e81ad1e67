//! The contract: paths that exercise a server in every way, and the right answer to each.
//!
//! | request | right answer, with status 200 unless the table says otherwise |
//! |---|---|
//! | `GET /` | any body, the same for each request |
//! | `GET /slow?ms=N` | after N ms, `slept N ms` |
//! | `GET /download?bytes=N` | N bytes; the byte at offset `i` is [`download_byte`]`(i)` |
//! | `POST /upload` | `COUNT CHECKSUM`: the body's length and its [`checksum`], in decimal |
//! | `GET /events?count=N` | the events `data: 0`, `data: 1`, ... every 50 ms: at most N |
//! | `GET /ws` | 101; each text message is echoed |
//!
//! White space around a text is ignored. Between the numbered events there may be comments and
//! events with a name. A server that stops may end the events early. It closes a WebSocket with a
//! close frame of code 1001 or 1012.
//!
//! A server that cannot take a request answers `503` with `Retry-After` and any body. On HTTP/2 it
//! may instead refuse the stream, or answer `grpc-status: 14` in a head without a body.
//!
//! [`Kind`] is the load on these paths. [`app`](crate::app) serves them. A server with other paths
//! needs none of this: describe its requests with [`Plan`](crate::Plan)s.

#[cfg(feature = "app")]
mod app;
mod data;
mod held;
mod kind;
mod plans;

#[cfg(feature = "app")]
pub use self::app::app;
pub use self::{
    data::{EVENT_INTERVAL, checksum, checksum_on, download_byte, download_piece},
    held::{
        burst_in_accept_queue, half_body, half_head, idle_connection, open_web_socket,
        sent_request, silent_connection, unread_download,
    },
    kind::Kind,
};
