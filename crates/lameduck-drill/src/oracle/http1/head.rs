//! The head of an answer.

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// By the end of the connection, which a strict client does not accept.
    UntilClose,
}

/// What the oracle reads from the head of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    /// Whether the server closes the connection after this answer.
    pub(crate) close: bool,
    pub(crate) retry_after: bool,
    pub(crate) websocket_accept: Option<String>,
}

impl Head {
    /// Parses a head from its status line to its last header, without the empty line after it.
    pub(super) fn parse(head: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(head).map_err(|_| "the head is not text")?;
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let (version, rest) = status_line.split_once(' ').ok_or("no status line")?;
        let is_1_1 = match version {
            "HTTP/1.1" => true,
            "HTTP/1.0" => false,
            _ => return Err("another version"),
        };
        let status = rest.get(..3).and_then(|status| status.parse().ok()).ok_or("no status")?;
        let mut head = Self {
            status,
            framing: Framing::UntilClose,
            close: !is_1_1,
            retry_after: false,
            websocket_accept: None,
        };
        let mut length = None;
        let mut chunked = false;
        for line in lines {
            let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    let value = value.parse().map_err(|_| "a length that is not a number")?;
                    if length.replace(value).is_some_and(|before| before != value) {
                        return Err("two different lengths");
                    }
                }
                "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
                "connection" => head.close |= has_token(value, "close"),
                "retry-after" => head.retry_after = true,
                "sec-websocket-accept" => head.websocket_accept = Some(value.to_owned()),
                _ => (),
            }
        }
        head.framing = match (chunked, length) {
            (true, Some(_)) => return Err("chunks and a length"),
            (true, None) => Framing::Chunked,
            (false, Some(length)) => Framing::Length(length),
            (false, None) if matches!(status, 100..200 | 204 | 304) => Framing::Length(0),
            (false, None) => Framing::UntilClose,
        };
        Ok(head)
    }
}

fn has_token(list: &str, token: &str) -> bool {
    list.split(',').any(|item| item.trim().eq_ignore_ascii_case(token))
}
