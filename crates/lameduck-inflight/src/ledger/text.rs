//! Text that one thread writes while others may be reading it.

use std::{array, sync::atomic::Ordering};

use crate::sync::{AtomicU64, fence};

/// At most `WORDS` times eight bytes, in words that are each read and written whole.
///
/// A reader may find some words old and some new. A [`Version`] shows that.
pub(super) struct Text<const WORDS: usize> {
    len: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Text<WORDS> {
    pub(super) fn new() -> Self {
        Self { len: AtomicU64::new(0), words: array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Writes as much as there is room for.
    #[inline]
    pub(super) fn write(&self, text: &[u8]) {
        let mut rest = text;
        for word in &self.words {
            if let Some((whole, more)) = rest.split_first_chunk() {
                word.store(u64::from_le_bytes(*whole), Ordering::Relaxed);
                rest = more;
            } else {
                word.store(last_word(text, rest), Ordering::Relaxed);
                break;
            }
        }
        self.len.store(text.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Vec<u8> {
        let len = self.len.load(Ordering::Relaxed);
        let words = self.words.iter().map(|word| word.load(Ordering::Relaxed).to_le_bytes());
        // Only so many: the words behind are left from an earlier text.
        words.flatten().take(usize::try_from(len).unwrap_or(usize::MAX)).collect()
    }
}

/// The last bytes of a text, less than eight.
#[inline]
fn last_word(text: &[u8], rest: &[u8]) -> u64 {
    match text.last_chunk() {
        // One load, of which all but the last bytes are shifted out.
        Some(last) if !rest.is_empty() => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        _ => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Shows a reader whether what it read was written while it was reading.
///
/// Odd during a write. Its user ensures that there is one writer at a time.
pub(super) struct Version(AtomicU64);

impl Version {
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[inline]
    pub(super) fn write(&self, write: impl FnOnce()) {
        // Relaxed: there is one writer.
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before + 1, Ordering::Relaxed);
        // A reader that finds anything of what is written below, and then passes its own fence,
        // finds the odd version as well, or a later one.
        fence(Ordering::Release);
        write();
        // Release: a reader that finds this version finds all that was written.
        self.0.store(before + 2, Ordering::Release);
    }

    /// What `read` returns, unless something was written meanwhile.
    pub(super) fn read<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        let before = self.0.load(Ordering::Acquire);
        if before % 2 == 1 {
            return None;
        }
        let value = read();
        fence(Ordering::Acquire);
        (self.0.load(Ordering::Relaxed) == before).then_some(value)
    }
}
