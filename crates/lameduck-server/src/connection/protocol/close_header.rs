//! `Connection: close`, which asks a client of HTTP/1 to leave.

/// Whether the head of an HTTP/1 answer, which `bytes` begins with, says that the connection
/// closes. A line that has not come to its end says nothing.
pub(super) fn says_close(bytes: &[u8]) -> bool {
    const NAME: &[u8] = b"connection:";
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take_while(|line| line.ends_with(b"\n"))
        .map(<[u8]>::trim_ascii_end)
        .take_while(|line| !line.is_empty())
        .any(|line| {
            let Some((name, value)) = line.split_at_checked(NAME.len()) else { return false };
            name.eq_ignore_ascii_case(NAME) && has_close(value)
        })
}

/// Whether the value of a `Connection` header has this word.
pub(crate) fn has_close(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
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
        assert!(!says("HTTP/1.1 200 OK\r\nconnection: close"));
        assert!(!says(""));
    }
}
