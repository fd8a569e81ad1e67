//! Whether the body that comes back is the right one.

use super::{
    LossReason, Outcome,
    plan::{Expect, Reference},
};
use crate::contract::download_piece;

/// More text than a right answer has.
const MOST_TEXT: usize = 1024 * 1024;

/// Compares a body with what was asked, part by part.
pub(super) struct Check {
    expect: Expect,
    received: u64,
    /// Kept for answers of text only; a download is compared as it comes.
    text: Vec<u8>,
}

impl Check {
    pub(super) const fn new(expect: Expect) -> Self {
        Self { expect, received: 0, text: Vec::new() }
    }

    /// Takes any body of a bounded length.
    pub(super) fn any() -> Self {
        Self::new(Expect::Same(Reference::default()))
    }

    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next part of the body.
    pub(super) fn feed(&mut self, data: &[u8]) -> Result<(), LossReason> {
        let at = self.received;
        self.received += data.len() as u64;
        match self.expect {
            Expect::Download(length) => match wrong_byte(at, data, length) {
                None => Ok(()),
                Some(offset) => Err(LossReason::WrongBody { offset }),
            },
            _ if self.text.len() + data.len() > MOST_TEXT => {
                Err(LossReason::WrongBody { offset: MOST_TEXT as u64 })
            }
            _ => {
                self.text.extend_from_slice(data);
                Ok(())
            }
        }
    }

    /// The body is at its end: is it whole?
    pub(super) fn end(self) -> Outcome {
        let wrong = match &self.expect {
            Expect::Same(reference) => {
                let right = reference.get_or_init(|| self.text.clone());
                difference(&self.text, right)
            }
            Expect::Text(right) => difference(self.text.trim_ascii(), right.as_bytes()),
            Expect::Download(length) => (self.received < *length).then_some(self.received),
            Expect::Events(count) => wrong_event(&self.text, *count),
        };
        match wrong {
            None => Outcome::Answered,
            Some(offset) => Outcome::Lost(LossReason::WrongBody { offset }),
        }
    }
}

/// The offset of the first byte that does not belong into a download of `length` bytes.
fn wrong_byte(start: u64, data: &[u8], length: u64) -> Option<u64> {
    let mut at = start;
    let mut left = data;
    while !left.is_empty() {
        let right = download_piece(at, length.saturating_sub(at));
        let (piece, rest) = left.split_at(left.len().min(right.len()));
        if let Some(offset) = difference(piece, &right[..piece.len()]) {
            return Some(at + offset);
        }
        at += piece.len() as u64;
        // Bytes after the last one.
        if piece.is_empty() {
            return Some(at);
        }
        left = rest;
    }
    None
}

/// The offset of the first byte that is not the same in both.
fn difference(is: &[u8], right: &[u8]) -> Option<u64> {
    if is == right {
        return None;
    }
    let same = is.iter().zip(right).take_while(|(is, right)| is == right).count();
    Some(same as u64)
}

/// The offset of the first event that is not the next one, is one too many, or has no end.
fn wrong_event(stream: &[u8], count: u64) -> Option<u64> {
    let mut next = 0;
    let mut at = 0;
    while at < stream.len() {
        let rest = &stream[at..];
        let Some(end) = rest.windows(2).position(|two| two == b"\n\n") else {
            return Some(at as u64);
        };
        let event = &rest[..end];
        let named = event.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"event:"));
        let mut data = event.split(|byte| *byte == b'\n').filter_map(|line| {
            // A line without `data:` is a comment, an id or a time to retry.
            line.strip_prefix(b"data:")
        });
        if let (false, Some(data)) = (named, data.next()) {
            if next >= count || data.trim_ascii() != next.to_string().as_bytes() {
                return Some(at as u64);
            }
            next += 1;
        }
        at += end + 2;
    }
    None
}
