//! The paths that the oracle asks, and what a right answer is.
//!
//! | request | right answer, with status 200 unless said otherwise |
//! |---|---|
//! | `GET /` | any body, the same for each request |
//! | `GET /slow?ms=N` | after N ms, `slept N ms` |
//! | `GET /download?bytes=N` | N bytes: the byte at offset `i` is [`download_byte`]`(i)` |
//! | `POST /upload` | `COUNT CHECKSUM` of the body: its length, and its [`checksum`] in decimal |
//! | `GET /events?count=N` | `text/event-stream` of `data: 0`, `data: 1` and so on, one each 50 ms: N of them, or fewer if the server stops; then the end of the body |
//! | `GET /ws` | 101; each text message comes back; a server that stops sends a close frame with code 1001 or 1012 |
//!
//! White space around a body of text is not looked at. Events with a name and comments may stand
//! between the numbered ones, so a server may say farewell in words.
//!
//! A server that cannot take a request answers `503` with `Retry-After`, whatever the body. On
//! HTTP/2 it may refuse the stream, or give `grpc-status: 14` in a head without a body.

use std::time::Duration;

/// The pause between two events of `GET /events`.
pub const EVENT_INTERVAL: Duration = Duration::from_millis(50);

/// The byte at `offset` of a download.
///
/// 251 is a prime, so that the pattern fits no buffer size: a block that is missing or sent twice
/// is seen.
#[must_use]
pub const fn download_byte(offset: u64) -> u8 {
    (offset % 251) as u8
}

/// The longest piece that [`download_piece`] gives.
const PIECE: usize = 16 * 1024;

/// The pattern of a download, as long as a piece that begins anywhere in it.
static PATTERN: [u8; PIECE + 250] = {
    let mut pattern = [0; PIECE + 250];
    let mut offset = 0;
    while offset < pattern.len() {
        pattern[offset] = download_byte(offset as u64);
        offset += 1;
    }
    pattern
};

/// The bytes of a download from `offset` on: `longest` of them, but at most 16 KiB.
///
/// They are compared or sent as a block, which costs next to nothing.
#[must_use]
pub fn download_piece(offset: u64, longest: u64) -> &'static [u8] {
    let length = longest.min(PIECE as u64) as usize;
    &PATTERN[usize::from(download_byte(offset))..][..length]
}

/// The checksum of an upload: a polynomial, so that the order of the bytes counts.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    checksum_on(0, bytes)
}

/// The checksum of what had the checksum `before`, and then `bytes`.
#[must_use]
pub fn checksum_on(before: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(before, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
}
