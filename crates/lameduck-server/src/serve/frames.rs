//! Follows the frames of an HTTP/2 client, to know where one ends: only there can another frame be
//! inserted.
//!
//! A graceful shutdown has two GOAWAYs. The first names no last stream and comes with a PING. The
//! answer to that PING brings the second, which names it. h2 waits for the answer for ever, and
//! hyper has no call that ends the wait. So this ends it from below: when the client's time is
//! over, h2 reads the answer that the client did not send.

/// Length, kind, flags and stream.
const HEAD: usize = 9;
const PING: u8 = 6;
const ACK: u8 = 1;

/// HEADERS, `PUSH_PROMISE` and CONTINUATION: without the flag, a CONTINUATION must follow.
const OF_HEADS: [u8; 3] = [1, 5, 9];
const END_HEADERS: u8 = 4;

/// The answer to the PING of h2's graceful shutdown, with its payload.
const PONG: [u8; HEAD + 8] =
    [0, 0, 8, PING, ACK, 0, 0, 0, 0, 0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54];

/// How far a client is in its frames.
#[derive(Debug)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// So many bytes of the frame head have come.
    have: u8,
    /// So many bytes of the payload have not come yet.
    left: u32,
    /// Whether the head of a request continues in the next frame.
    is_in_head: bool,
    /// Whether the next payload is that of an answer to a PING.
    is_pong: bool,
    /// Whether the answer has come, from the client or from here.
    is_answered: bool,
    /// So many bytes of the answer h2 has read.
    answered: u8,
}

impl Frames {
    /// At the start of the first frame.
    pub(super) const fn new() -> Self {
        Self {
            head: [0; HEAD],
            have: 0,
            left: 0,
            is_in_head: false,
            is_pong: false,
            is_answered: false,
            answered: 0,
        }
    }

    /// These bytes have come. `is_pinged`: whether the PING was sent before them.
    pub(super) fn feed(&mut self, mut bytes: &[u8], is_pinged: bool) {
        while let Some(first) = bytes.first() {
            if self.left > 0 {
                if self.is_pong {
                    self.is_pong = false;
                    // The PINGs of hyper's keep-alive begin otherwise.
                    self.is_answered |= is_pinged && *first == PONG[HEAD];
                }
                let len = bytes.len().min(self.left as usize);
                // The cast keeps the value: it is no more than what is left.
                self.left -= len as u32;
                bytes = bytes.get(len..).unwrap_or_default();
                continue;
            }
            let have = usize::from(self.have);
            let len = bytes.len().min(HEAD - have);
            let (now, later) = bytes.split_at(len);
            if let Some(head) = self.head.get_mut(have..have + len) {
                head.copy_from_slice(now);
            }
            self.have += len as u8;
            bytes = later;
            if usize::from(self.have) == HEAD {
                let [a, b, c, kind, flags, ..] = self.head;
                self.have = 0;
                self.left = u32::from_be_bytes([0, a, b, c]);
                self.is_pong = kind == PING && flags & ACK != 0;
                if OF_HEADS.contains(&kind) {
                    self.is_in_head = flags & END_HEADERS == 0;
                }
            }
        }
    }

    /// Whether the client is between two frames, where a PING may come.
    const fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0 && !self.is_in_head
    }

    /// Whether the answer is missing and cannot be inserted.
    pub(super) const fn is_stuck(&self) -> bool {
        !self.is_answered && !self.is_between()
    }

    /// The next bytes of the answer that h2 is to read, if the client's own is not waited for any
    /// more.
    pub(super) fn answer(&self) -> &'static [u8] {
        let is_begun = self.answered > 0;
        if !is_begun && (self.is_answered || !self.is_between()) {
            return &[];
        }
        PONG.get(usize::from(self.answered)..).unwrap_or_default()
    }

    /// h2 has read so many bytes of it.
    pub(super) const fn on_answered(&mut self, len: usize) {
        self.answered += len as u8;
        self.is_answered |= len > 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A DATA frame of three bytes.
    const DATA: &[u8] = &[0, 0, 3, 0, 0, 0, 0, 0, 1, b'a', b'b', b'c'];

    fn after(pieces: &[&[u8]]) -> Frames {
        let mut frames = Frames::new();
        pieces.iter().for_each(|piece| frames.feed(piece, true));
        frames
    }

    #[test]
    fn the_answer_comes_between_two_frames_and_once() {
        for cut in 0..DATA.len() {
            let (begin, end) = DATA.split_at(cut);
            let mut frames = after(&[DATA, begin]);
            assert_eq!(frames.is_stuck(), cut > 0);
            assert_eq!(frames.answer().is_empty(), cut > 0);
            if cut > 0 {
                frames.feed(end, true);
            }
            assert!(!frames.is_stuck());
            assert_eq!(frames.answer(), PONG);
            frames.on_answered(PONG.len());
            frames.feed(DATA, true);
            assert!(frames.answer().is_empty());
        }
    }

    #[test]
    fn an_answer_that_is_read_in_pieces_is_whole_before_anything_else() {
        let mut frames = after(&[DATA]);
        frames.on_answered(10);
        assert_eq!(frames.answer(), PONG.split_at(10).1);
        frames.on_answered(7);
        assert!(frames.answer().is_empty());
    }

    #[test]
    fn a_client_that_has_answered_is_not_answered_for() {
        for cut in 0..PONG.len() {
            let (begin, end) = PONG.split_at(cut);
            assert!(after(&[DATA, begin, end]).answer().is_empty());
        }
    }

    #[test]
    fn another_ping_of_ours_and_one_of_the_peers_are_no_answer() {
        let mut other = PONG;
        other[HEAD] = 0x3b;
        assert_eq!(after(&[&other]).answer(), PONG);
        let mut question = PONG;
        question[4] = 0;
        assert_eq!(after(&[&question]).answer(), PONG);
    }

    #[test]
    fn an_answer_to_a_question_that_was_not_asked_is_none() {
        let mut frames = Frames::new();
        frames.feed(&PONG, false);
        assert_eq!(frames.answer(), PONG);
    }

    #[test]
    fn nothing_comes_between_the_frames_of_one_head() {
        let mut frames = after(&[DATA, &[0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82]]);
        assert!(frames.answer().is_empty() && frames.is_stuck());
        frames.feed(&[0, 0, 1, 9, 0, 0, 0, 0, 1, 0x84], true);
        assert!(frames.answer().is_empty() && frames.is_stuck());
        frames.feed(&[0, 0, 1, 9, END_HEADERS, 0, 0, 0, 1, 0x86], true);
        assert_eq!(frames.answer(), PONG);
    }
}
