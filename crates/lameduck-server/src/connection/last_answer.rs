//! The end of a connection: closed at once, or with a last answer to a request that came too late.
//!
//! A server that closes an idle connection never reads what arrives meanwhile, and its client
//! cannot know whether the request was executed. This crate knows that it was not, because no byte
//! of it was read. So it answers from below the server with a 503, and then reads the request to
//! its end: a close on top of unread bytes would be a reset, which may destroy the answer.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// As `lameduck_core::plumbing::Answer` writes it.
const REJECTION: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
content-type: application/problem+json\r\n\
retry-after: 1\r\n\
cache-control: no-store\r\n\
connection: close\r\n\
content-length: 175\r\n\r\n\
{\"code\":\"draining\",\"data\":{\"retry_after\":1},\
\"message\":\"This server is stopping. The request was not executed.\",\
\"status\":503,\"title\":\"Service Unavailable\",\"type\":\"about:blank\"}";

/// How long the rest of a late request is read, and how much of it: more than a round trip.
const LINGER: Duration = Duration::from_millis(500);
const ENOUGH: usize = 256 * 1024;

/// How a connection is closed.
#[derive(Debug)]
pub(crate) enum Close {
    /// Not decided yet.
    Undecided,
    /// At the end of an exchange, or where an answer would do harm.
    Plain,
    /// The connection was idle, and there were no unread bytes.
    Idle,
    /// The connection was idle, but a request had come, or may still come.
    Answered(Box<LastAnswer>),
}

impl Close {
    pub(crate) fn answered() -> Self {
        Self::Answered(Box::new(LastAnswer {
            step: Step::Answer { sent: 0 },
            read: 0,
            timer: None,
        }))
    }

    pub(crate) fn poll<I>(&mut self, io: &mut I, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        match self {
            Self::Answered(last_answer) => last_answer.poll(io, cx),
            Self::Undecided | Self::Plain | Self::Idle => Pin::new(io).poll_shutdown(cx),
        }
    }
}

#[derive(Debug)]
pub(crate) struct LastAnswer {
    step: Step,
    /// Bytes of a request that were read after the answer.
    read: usize,
    /// Made when first needed.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
enum Step {
    Answer { sent: usize },
    Shutdown,
    Linger,
    Done,
}

impl LastAnswer {
    /// Whether there was a request to answer.
    pub(crate) const fn had_request(&self) -> bool {
        self.read > 0
    }

    fn poll<I>(&mut self, io: &mut I, cx: &mut Context<'_>) -> Poll<io::Result<()>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        loop {
            self.step = match self.step {
                Step::Answer { sent } => {
                    let rest = REJECTION.get(sent..).unwrap_or_default();
                    if rest.is_empty() {
                        Step::Shutdown
                    } else {
                        match Pin::new(&mut *io).poll_write(cx, rest) {
                            Poll::Ready(written) => Step::Answer { sent: sent + written? },
                            // If the client reads nothing, the answer is not waited for.
                            Poll::Pending => {
                                ready!(timer.as_mut().poll(cx));
                                Step::Shutdown
                            }
                        }
                    }
                }
                Step::Shutdown => {
                    ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
                    Step::Linger
                }
                Step::Linger => {
                    let mut buf = [MaybeUninit::uninit(); 4096];
                    let mut buf = ReadBuf::uninit(&mut buf);
                    match Pin::new(&mut *io).poll_read(cx, &mut buf) {
                        Poll::Ready(Ok(())) if !buf.filled().is_empty() && self.read < ENOUGH => {
                            self.read += buf.filled().len();
                            Step::Linger
                        }
                        // The client has closed, or has sent more than is read.
                        Poll::Ready(_) => Step::Done,
                        Poll::Pending => {
                            ready!(timer.as_mut().poll(cx));
                            Step::Done
                        }
                    }
                }
                Step::Done => return Poll::Ready(Ok(())),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(REJECTION).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
    }
}
