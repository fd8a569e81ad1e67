//! Where an event stream stands: between two events, or inside of one.

use bytes::Buf;

/// Follows the bytes. An event ends with an empty line; a line ends with CR, LF or both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    line_is_empty: bool,
    after_cr: bool,
    is_between: bool,
}

/// How many bytes decide how a frame ends: `\r\n\r\n`.
const TAIL: usize = 4;

impl Events {
    pub(crate) const fn new() -> Self {
        Self { line_is_empty: true, after_cr: false, is_between: true }
    }

    /// Whether all events so far are complete.
    pub(crate) const fn is_between(&self) -> bool {
        self.is_between
    }

    /// Reads the end of a frame.
    pub(crate) fn see(&mut self, data: &impl Buf) {
        let bytes = data.chunk();
        if bytes.len() < data.remaining() {
            // In several chunks, of which only the first is accessible. No known sender of events
            // does that.
            *self = Self::new();
            return;
        }
        let tail = match bytes.len().checked_sub(TAIL) {
            Some(skipped) if skipped > 0 => {
                *self = Self { line_is_empty: false, after_cr: false, is_between: false };
                bytes.get(skipped..).unwrap_or_default()
            }
            _ => bytes,
        };
        tail.iter().for_each(|byte| self.step(*byte));
    }

    fn step(&mut self, byte: u8) {
        let ends_crlf = self.after_cr && byte == b'\n';
        self.after_cr = byte == b'\r';
        if ends_crlf {
            return;
        }
        let ends_line = matches!(byte, b'\r' | b'\n');
        self.is_between = ends_line && self.line_is_empty;
        self.line_is_empty = ends_line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(frames: &[&'static str], expected: bool) {
        let mut events = Events::new();
        frames.iter().for_each(|frame| events.see(&frame.as_bytes()));
        assert_eq!(events.is_between(), expected, "{frames:?}");
    }

    #[test]
    fn an_event_is_whole_at_its_empty_line_whatever_ends_its_lines() {
        check(&[], true);
        check(&[""], true);
        for whole in ["data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", ":\n\n", "a\r\n\n", "\n"] {
            check(&[whole], true);
            let bytes: Vec<_> = whole.split_inclusive(|_| true).collect();
            check(&bytes, true);
        }
        for part in ["d", "data: a", "data: a\n", "data: a\r\n", "data: a\n\ndata: b\n", ":\n"] {
            check(&[part], false);
            let bytes: Vec<_> = part.split_inclusive(|_| true).collect();
            check(&bytes, false);
        }
        check(&["data: a\n", "\n"], true);
        check(&["data: a\r\n", "\r\n"], true);
        check(&["data: a\n\n", "data"], false);
    }

    #[test]
    fn a_frame_in_several_chunks_counts_as_complete_events() {
        let mut events = Events::new();
        events.see(&b"data: a".chain(&b"\n\n"[..]));
        assert!(events.is_between());
    }
}
