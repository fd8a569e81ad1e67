//! A connection, and the one request at a time that is sent on it.

use std::{io, mem::MaybeUninit, net::SocketAddr, time::Duration};

use bytes::BytesMut;
use http::Method;
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{Framing, Head};
use crate::oracle::{LossReason, Outcome, check::Check, plan::PlanBody, shared::Target};

/// The longest time for a connect. A server that drops new SYNs for a moment refuses the second
/// one, which the client's kernel sends after 1 s.
const CONNECT: Duration = Duration::from_secs(3);

/// The longest head of an answer in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// The longest line of the chunked encoding in bytes.
const LONGEST_LINE: usize = 1024;

/// A connection of a client.
#[derive(Debug)]
pub(crate) struct Conn {
    addr: SocketAddr,
    stream: TcpStream,
    buffer: BytesMut,
    /// The bytes of the current request that the kernel has taken.
    sent: usize,
    /// Whether the last answer was complete, and did not announce that the server closes.
    is_reusable: bool,
}

impl Conn {
    /// Connects. If that fails, for whatever reason, nothing was sent.
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self, Outcome> {
        match timeout(CONNECT, TcpStream::connect(addr)).await {
            Ok(Ok(stream)) => {
                // Otherwise the second write of a request could wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                Ok(Self { addr, stream, buffer: BytesMut::new(), sent: 0, is_reusable: true })
            }
            Ok(Err(_)) | Err(_) => Err(Outcome::Refused),
        }
    }

    /// Whether a request may be sent: the server has not announced that it closes, and there is
    /// nothing to read, neither an end nor a reset nor an answer without a request.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_reusable && self.buffer.is_empty() && self.is_quiet()
    }

    /// Whether there is nothing to read. Asks the kernel, because tokio may not know yet.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = SockRef::from(&self.stream).peek(&mut byte);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends one request and reads its answer.
    pub(crate) async fn send(&mut self, target: &Target, limit: Duration) -> Outcome {
        let (plan, head) = (&target.plan, target.head(self.addr));
        let deadline = Instant::now() + limit;
        if !self.begin() {
            return Outcome::Refused;
        }
        let outcome = timeout_at(deadline, async {
            // When a write fails, there may still be an answer to read before the reset.
            let (first, rest) = match plan.head_pause {
                Duration::ZERO => (head.as_bytes(), &[][..]),
                _ => head.as_bytes().split_at(head.len() / 2),
            };
            if self.write(first).await.is_err() && self.has_sent_nothing() {
                return Outcome::Refused;
            }
            if !rest.is_empty() {
                sleep(plan.head_pause).await;
                // When this fails, the read below shows what the server did.
                _ = self.write(rest).await;
            }
            if let Some(body) = &plan.body {
                self.send_body(body).await;
            }
            self.answer(target).await
        });
        let outcome = outcome.await.unwrap_or_else(|_| self.out_of_time());
        self.is_reusable &= outcome == Outcome::Answered;
        outcome
    }

    /// Starts a request. False if the client can know that the connection is closed.
    pub(crate) fn begin(&mut self) -> bool {
        self.sent = 0;
        self.is_usable()
    }

    /// The outcome of a request that exceeded its time limit.
    pub(crate) const fn out_of_time(&self) -> Outcome {
        if self.has_sent_nothing() { Outcome::Refused } else { Outcome::Lost(LossReason::TimedOut) }
    }

    /// Whether no byte of the current request was sent.
    pub(crate) const fn has_sent_nothing(&self) -> bool {
        self.sent == 0
    }

    /// Writes all of `bytes`.
    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => {
                    self.sent += written;
                    bytes = &bytes[written..];
                }
            }
        }
        Ok(())
    }

    /// Writes a body with its pauses, until its end or until the server answers.
    async fn send_body(&mut self, body: &PlanBody) {
        for part in body.writes() {
            sleep(body.pause).await;
            // An answer before the end of the body is final. More writes could reset it.
            if !self.is_quiet() || self.write(&part).await.is_err() {
                self.is_reusable = false;
                return;
            }
        }
    }

    /// Reads an answer and compares it with the right one.
    pub(crate) async fn answer(&mut self, target: &Target) -> Outcome {
        match self.read_answer(target).await {
            Ok(outcome) => outcome,
            Err(reason) => Outcome::Lost(reason),
        }
    }

    async fn read_answer(&mut self, target: &Target) -> Result<Outcome, LossReason> {
        let head = self.read_head().await?;
        self.is_reusable &= !head.close;
        if head.status == target.plan.status {
            let mut check = Check::new(target);
            // RFC 9112, 6.3: the answer to HEAD has no body, whatever length it names.
            let is_head = target.plan.method == Method::HEAD;
            let framing = if is_head { Framing::Length(0) } else { head.framing };
            self.read_body(framing, &mut check, target.plan.read_pause).await?;
            return Ok(check.end());
        }
        self.rejection(&head).await
    }

    /// Reads the rest of an answer with another status: is it a clean rejection?
    pub(crate) async fn rejection(&mut self, head: &Head) -> Result<Outcome, LossReason> {
        if head.status != 503 {
            return Err(LossReason::WrongStatus(head.status));
        }
        // Any text is right, but all of it has to arrive.
        let mut check = Check::any();
        self.read_body(head.framing, &mut check, Duration::ZERO).await?;
        if head.retry_after { Ok(Outcome::Rejected) } else { Err(LossReason::NoRetryAfter) }
    }

    /// Reads the head of the answer. Skips informational heads.
    pub(crate) async fn read_head(&mut self) -> Result<Head, LossReason> {
        loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let bytes = self.buffer.split_to(end + 4);
                let head = Head::parse(&bytes[..end]).map_err(LossReason::Malformed)?;
                if matches!(head.status, 100 | 102..=199) {
                    continue;
                }
                return Ok(head);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(LossReason::Malformed("the head has no end"));
            }
            match self.read().await {
                Ok(0) if self.buffer.is_empty() => return Err(LossReason::ClosedUnanswered),
                Ok(0) => return Err(LossReason::TruncatedHead),
                Ok(_) => (),
                Err(_) => return Err(LossReason::Reset),
            }
        }
    }

    /// Reads a body to its end and passes each part to `check`.
    async fn read_body(
        &mut self,
        framing: Framing,
        check: &mut Check<'_>,
        pause: Duration,
    ) -> Result<(), LossReason> {
        match framing {
            Framing::Length(length) => self.read_data(length, check, pause).await,
            Framing::UntilClose => Err(LossReason::NoEndMarker),
            Framing::Chunked => loop {
                let line = self.read_line(check.received()).await?;
                let size = line.split(|byte| *byte == b';').next().unwrap_or_default();
                let size = std::str::from_utf8(size).ok();
                let size = size.and_then(|size| u64::from_str_radix(size.trim(), 16).ok());
                match size.ok_or(LossReason::Malformed("the size of a chunk"))? {
                    0 => {
                        // Skips the trailers, up to the empty line that ends the body.
                        while !self.read_line(check.received()).await?.is_empty() {}
                        return Ok(());
                    }
                    size => {
                        self.read_data(size, check, pause).await?;
                        if !self.read_line(check.received()).await?.is_empty() {
                            return Err(LossReason::Malformed("the end of a chunk"));
                        }
                    }
                }
            },
        }
    }

    async fn read_data(
        &mut self,
        length: u64,
        check: &mut Check<'_>,
        pause: Duration,
    ) -> Result<(), LossReason> {
        let mut left = length;
        while left > 0 {
            if self.buffer.is_empty() {
                if !pause.is_zero() {
                    sleep(pause).await;
                }
                self.fill(check.received()).await?;
            }
            let part = left.min(self.buffer.len() as u64);
            // At most the length of the buffer, so it fits.
            let part = self.buffer.split_to(part as usize);
            check.feed(&part)?;
            left -= part.len() as u64;
        }
        Ok(())
    }

    /// Reads a line, without its end.
    async fn read_line(&mut self, received: u64) -> Result<Vec<u8>, LossReason> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(end + 2);
                return Ok(line[..end].to_vec());
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(LossReason::Malformed("a line of the chunked encoding"));
            }
            self.fill(received).await?;
        }
    }

    /// Reads more into the buffer. If the connection ends here, it ends inside the body.
    async fn fill(&mut self, received: u64) -> Result<(), LossReason> {
        match self.read().await {
            Ok(0) => Err(LossReason::TruncatedBody { received }),
            Ok(_) => Ok(()),
            Err(_) => Err(LossReason::Reset),
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.buffer.reserve(16 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }

    /// Waits until the server closes or resets the connection. Discards what arrives before that.
    pub(crate) async fn closed(&mut self) {
        while let Ok(1..) = self.read().await {
            self.buffer.clear();
        }
    }

    /// The socket, and the bytes that were read from it but not used.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.buffer.to_vec())
    }
}
