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
mod held;
mod kind;
mod plans;

use std::time::Duration;

#[cfg(feature = "app")]
pub use self::app::app;
pub use self::{
    held::{
        burst_in_accept_queue, half_body, half_head, idle_connection, open_web_socket,
        sent_request, silent_connection, unread_download,
    },
    kind::Kind,
};

/// The pause between two events of `GET /events`.
pub const EVENT_INTERVAL: Duration = Duration::from_millis(50);

/// The byte at `offset` of a download.
///
/// The pattern has 251 bytes. That is a prime, so no buffer size is a multiple of it, and a block
/// that is missing or sent twice changes what follows.
#[must_use]
pub const fn download_byte(offset: u64) -> u8 {
    (offset % CYCLE as u64) as u8
}

/// The length after which the pattern of a download repeats.
const CYCLE: usize = 251;

/// The longest piece that [`download_piece`] returns.
const PIECE: usize = 16 * 1024;

/// The pattern of a download, long enough for a piece that begins anywhere in it.
static PATTERN: [u8; PIECE + CYCLE - 1] = {
    let mut pattern = [0; PIECE + CYCLE - 1];
    let mut offset = 0;
    while offset < pattern.len() {
        pattern[offset] = download_byte(offset as u64);
        offset += 1;
    }
    pattern
};

/// The bytes of a download from `offset`: `longest` of them, but at most 16 KiB.
#[must_use]
pub fn download_piece(offset: u64, longest: u64) -> &'static [u8] {
    let length = longest.min(PIECE as u64) as usize;
    &PATTERN[usize::from(download_byte(offset))..][..length]
}

/// The checksum of an upload: a polynomial, so it depends on the order of the bytes.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    checksum_on(0, bytes)
}

/// The checksum of data in parts: `before` is the checksum of all earlier parts.
#[must_use]
pub fn checksum_on(before: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(before, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
}
