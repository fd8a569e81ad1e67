//! The body of an answer, without its framing.

use std::time::Duration;

use tokio::time::sleep;

use super::{Conn, Framing};
use crate::oracle::{LossReason, check::Check};

/// The longest line of the chunked encoding.
const LONGEST_LINE: usize = 1024;

impl Conn {
    /// Reads a body to its end and passes each part to `check`.
    pub(super) async fn read_body(
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
}
