//! Follows an HTTP/1 connection by the bytes that it carries.

#[cfg(test)]
mod tests;

use super::{
    close_header::says_close,
    connect::Connect,
    first_head::{FirstHead, Found},
    is_switch,
};
use crate::{ConnectionStage, Protocol};

/// How far a connection is, as its bytes say. One call for each read and each write.
///
/// It looks at the first bytes of each, never at a body: an exchange costs a comparison or two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observer {
    stage: ConnectionStage,
    protocol: Protocol,
    head: FirstHead,
    connect: Connect,
}

/// What a read changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Nothing.
    Same,
    /// The very first byte came. The head may be whole already, and its protocol known.
    First,
    /// More of the first head came.
    More,
    /// A request began after an answer.
    Request,
    /// The connection turned out to be HTTP/2.
    Multiplexed,
}

/// What a write changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written<'a> {
    /// Nothing.
    Same,
    /// An answer began with this head, as far as it was written at once.
    Answer(AnswerHead<'a>),
    /// An answer that had begun goes on, or one to a pipelined request began.
    More,
    /// The connection is not HTTP any more.
    Upgraded,
}

/// The first bytes of an answer. What is asked of them is found when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnswerHead<'a>(&'a [u8]);

impl AnswerHead<'_> {
    /// Whether its body may end with the connection, so that no byte may come after it.
    pub(crate) fn is_http10(self) -> bool {
        self.0.starts_with(b"HTTP/1.0")
    }

    /// Whether it asks the client to leave.
    pub(crate) fn says_close(self) -> bool {
        says_close(self.0)
    }
}

impl Observer {
    /// A connection without a byte.
    pub(crate) const fn new() -> Self {
        Self {
            stage: ConnectionStage::NoBytes,
            protocol: Protocol::Unknown,
            head: FirstHead::new(),
            connect: Connect::NO,
        }
    }

    pub(crate) const fn stage(&self) -> ConnectionStage {
        self.stage
    }

    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// These bytes came from the client. There is at least one.
    #[inline(always)]
    pub(crate) fn on_read(&mut self, bytes: &[u8]) -> Read {
        match self.stage {
            ConnectionStage::Answered => {
                self.connect.begin(bytes);
                self.stage = ConnectionStage::Request;
                Read::Request
            }
            ConnectionStage::Request => {
                self.connect.go_on(bytes);
                Read::Same
            }
            ConnectionStage::NoBytes | ConnectionStage::Head => self.on_first_head(bytes),
            ConnectionStage::Multiplexed | ConnectionStage::Upgraded => Read::Same,
        }
    }

    #[inline(never)]
    fn on_first_head(&mut self, bytes: &[u8]) -> Read {
        let is_first = self.stage == ConnectionStage::NoBytes;
        if is_first {
            self.connect.begin(bytes);
        } else {
            self.connect.go_on(bytes);
        }
        (self.protocol, self.stage) = match self.head.feed(bytes) {
            Found::Part(protocol) => (protocol, ConnectionStage::Head),
            Found::Whole(Protocol::Http2) => (Protocol::Http2, ConnectionStage::Multiplexed),
            Found::Whole(protocol) => (protocol, ConnectionStage::Request),
        };
        match (self.stage, is_first) {
            (ConnectionStage::Multiplexed, _) => Read::Multiplexed,
            (_, true) => Read::First,
            (_, false) => Read::More,
        }
    }

    /// The server wrote at least one byte, of what begins with these.
    #[inline(always)]
    pub(crate) fn on_write<'a>(&mut self, bytes: &'a [u8]) -> Written<'a> {
        match self.stage {
            ConnectionStage::Request if bytes.starts_with(b"HTTP/1.1 1") => self.on_interim(bytes),
            ConnectionStage::Request if self.opens_tunnel(bytes) => self.on_upgrade(),
            // Before a request was read nothing can be its answer. A server for HTTP/2 alone, as
            // tonic's is, writes first.
            ConnectionStage::NoBytes => Written::Same,
            ConnectionStage::Head if self.protocol == Protocol::Unknown => Written::Same,
            // An answer's head is the first thing that is written after a request was read.
            ConnectionStage::Head | ConnectionStage::Request => self.on_answer(bytes),
            ConnectionStage::Answered => Written::More,
            ConnectionStage::Multiplexed | ConnectionStage::Upgraded => Written::Same,
        }
    }

    /// A head that ends no request was written, or one that ends HTTP.
    #[cold]
    fn on_interim<'a>(&mut self, bytes: &'a [u8]) -> Written<'a> {
        if is_switch(self.connect.is_yes(), status(bytes)) {
            return self.on_upgrade();
        }
        // Alone, it asks for the request's body. Otherwise the answer came along with it.
        if bytes == b"HTTP/1.1 100 Continue\r\n\r\n" {
            return Written::Same;
        }
        self.on_answer(bytes)
    }

    #[inline(always)]
    const fn on_answer<'a>(&mut self, bytes: &'a [u8]) -> Written<'a> {
        self.stage = ConnectionStage::Answered;
        Written::Answer(AnswerHead(bytes))
    }

    const fn on_upgrade(&mut self) -> Written<'static> {
        self.stage = ConnectionStage::Upgraded;
        Written::Upgraded
    }

    /// Whether this opens the tunnel that was asked for.
    #[inline(always)]
    fn opens_tunnel(&self, bytes: &[u8]) -> bool {
        self.connect.is_yes() && bytes.starts_with(b"HTTP/1.") && is_switch(true, status(bytes))
    }
}

/// The number after `HTTP/1.1 `, or zero without one.
fn status(bytes: &[u8]) -> u16 {
    let digits = bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
