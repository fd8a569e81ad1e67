//! Where a stream of gRPC messages stands: between two messages, or inside of one.

use bytes::Buf;

/// Before each message: whether it is compressed, and its length in four bytes.
const HEAD: usize = 5;

/// Reads the heads of messages, and skips their contents.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Messages {
    head: [u8; HEAD],
    head_len: usize,
    /// Bytes of the message that are still to come.
    left: usize,
}

impl Messages {
    /// Whether all messages so far are complete.
    pub(crate) const fn is_between(&self) -> bool {
        self.head_len == 0 && self.left == 0
    }

    /// Reads a frame.
    pub(crate) fn see(&mut self, data: &impl Buf) {
        let mut bytes = data.chunk();
        if bytes.len() < data.remaining() {
            // In several chunks, of which only the first is accessible. No known sender of messages
            // does that.
            *self = Self::default();
            return;
        }
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((first, rest)) = bytes.split_first() else { return };
            if let Some(place) = self.head.get_mut(self.head_len) {
                *place = *first;
            }
            self.head_len += 1;
            bytes = rest;
            if self.head_len == HEAD {
                let [_, length @ ..] = self.head;
                self.left = u32::from_be_bytes(length) as usize;
                self.head_len = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_whole_at_its_length_in_any_pieces() {
        let two = b"\0\0\0\0\x03abc\x01\0\0\x01\0";
        let mut bytes = two.to_vec();
        bytes.extend([7; 256]);
        bytes.extend(b"\0\0\0\0\0");
        let ends = [0, 8, 8 + 5 + 256, bytes.len()];
        for step in [1, 2, 3, 7, bytes.len()] {
            let mut messages = Messages::default();
            let mut seen = 0;
            for piece in bytes.chunks(step) {
                messages.see(&piece);
                seen += piece.len();
                assert_eq!(messages.is_between(), ends.contains(&seen), "{seen} by {step}");
            }
        }
        let mut messages = Messages::default();
        messages.see(&b"\0\0".chain(&b"\0\0\x01"[..]));
        assert!(messages.is_between(), "counts as complete");
    }
}
