//! The bytes of downloads and uploads.

use std::time::Duration;

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
pub(super) const CYCLE: usize = 251;

/// The longest piece that [`download_piece`] returns.
const PIECE: usize = 16 * 1024;

/// The pattern of a download, long enough for a piece that begins anywhere in it.
pub(super) static PATTERN: [u8; PIECE + CYCLE - 1] = {
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
