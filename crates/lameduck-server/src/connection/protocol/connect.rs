//! Whether a request asks for a tunnel, in however many reads its first bytes come.

const METHOD: &[u8] = b"CONNECT ";

/// How many bytes of the method the current head begins with, as far as it has come. Zero: it is
/// another request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connect(u8);

impl Connect {
    pub(super) const NO: Self = Self(0);

    /// A head begins with these bytes.
    #[inline(always)]
    pub(super) fn begin(&mut self, bytes: &[u8]) {
        *self = Self::NO;
        // Most heads come whole: for them this is one comparison.
        if bytes.starts_with(METHOD) {
            *self = Self(METHOD.len() as u8);
        } else if bytes.len() < METHOD.len() {
            self.feed(bytes);
        }
    }

    /// A head goes on with these bytes, or its body does.
    #[inline(always)]
    pub(super) fn go_on(&mut self, bytes: &[u8]) {
        if self.0 > 0 && !self.is_yes() {
            self.feed(bytes);
        }
    }

    pub(super) const fn is_yes(self) -> bool {
        self.0 as usize == METHOD.len()
    }

    #[cold]
    fn feed(&mut self, bytes: &[u8]) {
        let rest = METHOD.get(usize::from(self.0)..).unwrap_or_default();
        let is_the_same = rest.iter().zip(bytes).all(|(a, b)| a == b);
        self.0 = if is_the_same { self.0 + rest.len().min(bytes.len()) as u8 } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(pieces: &[&[u8]]) -> bool {
        // The head before began with three of the letters.
        let mut asks = Connect(3);
        let (first, rest) = pieces.split_first().unwrap();
        asks.begin(first);
        rest.iter().for_each(|piece| asks.go_on(piece));
        asks.is_yes()
    }

    #[test]
    fn a_tunnel_is_asked_for_in_any_pieces() {
        let head = b"CONNECT duck:1 HTTP/1.1\r\nhost: duck:1\r\n\r\n";
        assert!(asks(&[head]));
        for cut in 1..head.len() {
            let (begin, end) = head.split_at(cut);
            assert!(asks(&[begin, end]), "{cut}");
            assert!(asks(&[begin, &end[..1], &end[1..]]), "{cut}");
        }
        let bytes: Vec<_> = head.chunks(1).collect();
        assert!(asks(&bytes));
    }

    #[test]
    fn what_only_begins_alike_asks_for_none() {
        assert!(!asks(&[b"CONNECT"]));
        assert!(!asks(&[b"CON", b"TENT / HTTP/1.1\r\n"]));
        assert!(!asks(&[b"C", b"C", b"ONNECT duck:1"]));
        assert!(!asks(&[b"GET / HTTP/1.1\r\n\r\n", b"CONNECT duck:1"]));
        assert!(!asks(&[b"G", b"CONNECT duck:1"]));
        assert!(!asks(&[b"CONNECTED / HTTP/1.1\r\n", b" "]));
    }
}
