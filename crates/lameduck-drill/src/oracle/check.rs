//! Whether the body of an answer is right.

use super::{Expect, LossReason, Outcome, shared::Target};

/// The longest body that is kept to be compared at its end.
const LONGEST_KEPT: usize = 1024 * 1024;

/// Compares a body with what was expected, part by part.
pub(super) struct Check<'a> {
    /// None for a body that only has to be complete.
    target: Option<&'a Target>,
    received: u64,
    /// Kept until the end. A repeated pattern is compared as it arrives instead.
    kept: Vec<u8>,
}

impl<'a> Check<'a> {
    pub(super) const fn new(target: &'a Target) -> Self {
        Self { target: Some(target), received: 0, kept: Vec::new() }
    }

    /// Takes any body.
    pub(super) const fn any() -> Self {
        Self { target: None, received: 0, kept: Vec::new() }
    }

    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next part of the body.
    pub(super) fn feed(&mut self, data: &[u8]) -> Result<(), LossReason> {
        let at = self.received;
        self.received += data.len() as u64;
        if let Some(Expect::Repeated { pattern, length }) = self.expect() {
            return match wrong_byte(at, data, pattern, *length) {
                None => Ok(()),
                Some(offset) => Err(LossReason::WrongBody { offset }),
            };
        }
        if self.kept.len() + data.len() > LONGEST_KEPT {
            return Err(LossReason::WrongBody { offset: LONGEST_KEPT as u64 });
        }
        self.kept.extend_from_slice(data);
        Ok(())
    }

    /// The body has ended. Was it complete and right?
    pub(super) fn end(self) -> Outcome {
        let wrong = match self.target.map(|target| (&target.plan.expect, &target.reference)) {
            None | Some((Expect::Any, _)) => None,
            Some((Expect::Same, reference)) => {
                let right = reference.get_or_init(|| self.kept.clone());
                difference(&self.kept, right)
            }
            Some((Expect::Text(right), _)) => difference(self.kept.trim_ascii(), right.as_bytes()),
            Some((Expect::Repeated { length, .. }, _)) => {
                (self.received < *length).then_some(self.received)
            }
            Some((Expect::Events(count), _)) => wrong_event(&self.kept, *count),
        };
        match wrong {
            None => Outcome::Answered,
            Some(offset) => Outcome::Lost(LossReason::WrongBody { offset }),
        }
    }

    fn expect(&self) -> Option<&'a Expect> {
        self.target.map(|target| &target.plan.expect)
    }
}

/// The offset of the first byte that differs from `pattern`, repeated to `length` bytes.
fn wrong_byte(start: u64, data: &[u8], pattern: &[u8], length: u64) -> Option<u64> {
    let (mut at, mut left) = (start, data);
    while !left.is_empty() {
        let from = (at % pattern.len().max(1) as u64) as usize;
        let right = pattern.get(from..).unwrap_or_default();
        let room = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX);
        let (piece, rest) = left.split_at(left.len().min(right.len()).min(room));
        // There are bytes after the last one.
        if piece.is_empty() {
            return Some(at);
        }
        if let Some(offset) = difference(piece, &right[..piece.len()]) {
            return Some(at + offset);
        }
        at += piece.len() as u64;
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

/// The offset of the first event that is not the next one, is one too many, or is incomplete.
fn wrong_event(stream: &[u8], count: u64) -> Option<u64> {
    let mut next = 0;
    let mut at = 0;
    while at < stream.len() {
        let rest = &stream[at..];
        let Some(end) = rest.windows(2).position(|two| two == b"\n\n") else {
            return Some(at as u64);
        };
        let event = &rest[..end];
        let is_named = event.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"event:"));
        let mut data = event.split(|byte| *byte == b'\n').filter_map(|line| {
            // A line without `data:` is a comment, an id or a retry time.
            line.strip_prefix(b"data:")
        });
        if let (false, Some(data)) = (is_named, data.next()) {
            if next >= count || data.trim_ascii() != next.to_string().as_bytes() {
                return Some(at as u64);
            }
            next += 1;
        }
        at += end + 2;
    }
    None
}
