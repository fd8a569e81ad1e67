//! Who was told to leave, and who is still to be.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::conn::Conn;

/// The wait for all who were open when a stop began.
///
/// They are marked when somebody first asks, and count until they are told or closed. Who comes
/// later is told with the first answer, so the wait has an end.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    // SeqCst throughout, as a stop has no hurry: a mark, and what makes it needless, are written
    // by two tasks, each of which then looks at what the other wrote.
    is_marked: AtomicBool,
    awaited: AtomicUsize,
    all: Notify,
}

impl Telling {
    /// This connection's peer knows that it is to leave.
    pub(crate) fn told(&self, conn: &Conn) {
        conn.set_told();
        self.settle(conn);
    }

    /// Nobody waits for this connection any more.
    pub(crate) fn settle(&self, conn: &Conn) {
        if conn.take_awaited() && self.awaited.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.all.notify_waiters();
        }
    }

    /// Marks those that are to be waited for, once in a stop. Returns how many there are.
    ///
    /// To be called under the lock of the list of connections, so that nobody finds half of them.
    pub(crate) fn mark<'a>(&self, all: impl Iterator<Item = &'a Conn>) -> usize {
        if !self.is_marked.swap(true, Ordering::SeqCst) {
            for conn in all {
                self.awaited.fetch_add(1, Ordering::SeqCst);
                conn.set_awaited();
                if !conn.is_to_be_told() {
                    self.settle(conn);
                }
            }
        }
        self.count()
    }

    /// The stop was called off, or has not begun: the next one marks anew.
    pub(crate) fn unmark(&self) {
        self.is_marked.store(false, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> usize {
        self.awaited.load(Ordering::SeqCst)
    }

    /// Completes when the last of them was told. To be made before the count is read.
    pub(crate) const fn all(&self) -> &Notify {
        &self.all
    }
}

/// Whether the head of an HTTP/1 answer, which `bytes` begins with, says that the connection
/// closes.
pub(crate) fn says_close(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"connection:";
    bytes
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .take_while(|line| !line.is_empty())
        .any(|line| {
            let Some((name, value)) = line.split_at_checked(NAME.len()) else { return false };
            name.eq_ignore_ascii_case(NAME)
                && value
                    .split(|byte| *byte == b',')
                    .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_found_in_the_head_and_nowhere_else() {
        let says = |head: &str| says_close(head.as_bytes());
        assert!(says("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
        assert!(says("HTTP/1.1 200 OK\r\na: b\r\nconnection:x-a ,  CLOSE\r\nc: d\r\n\r\nbody"));
        assert!(!says("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n\r\n"));
        assert!(!says("HTTP/1.1 200 OK\r\nx-connection: close\r\n\r\n"));
        assert!(!says("HTTP/1.1 200 OK\r\n\r\nconnection: close\r\n"));
        assert!(!says("HTTP/1.1 200 OK\r\nconnection: closed\r\n\r\n"));
        assert!(!says(""));
    }
}
