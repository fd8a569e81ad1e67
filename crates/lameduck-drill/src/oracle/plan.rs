//! A request, and what its right answer is.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;

use super::random::Random;
use crate::contract::{checksum_on, download_byte};

/// What `GET /` answers. The first complete answer decides, all others have to be the same.
pub(super) type Reference = Arc<OnceLock<Vec<u8>>>;

/// A request, independent of the protocol it is sent by.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) path: String,
    pub(super) upload: Option<Upload>,
    pub(super) expect: Expect,
    /// The pause before each read of the body, for a client that is slow to read.
    pub(super) read_pause: Duration,
    /// The pause in the middle of the head, for a client that is slow to ask.
    pub(super) head_pause: Duration,
}

/// What the body of the answer has to be.
#[derive(Clone, Debug)]
pub(super) enum Expect {
    Same(Reference),
    Text(String),
    Download(u64),
    Events(u64),
}

/// A body that is sent in parts.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) parts: Vec<Bytes>,
    pub(super) pause: Duration,
    /// Whether its length is said before, or each part is a chunk.
    pub(super) sized: bool,
}

impl Plan {
    fn get(path: String, expect: Expect) -> Self {
        Self { path, upload: None, expect, read_pause: Duration::ZERO, head_pause: Duration::ZERO }
    }

    pub(super) fn index(reference: &Reference) -> Self {
        Self::get("/".to_owned(), Expect::Same(Arc::clone(reference)))
    }

    pub(super) fn slow(ms: u64) -> Self {
        Self::get(format!("/slow?ms={ms}"), Expect::Text(format!("slept {ms} ms")))
    }

    pub(super) fn download(bytes: u64) -> Self {
        Self::get(format!("/download?bytes={bytes}"), Expect::Download(bytes))
    }

    pub(super) fn events(count: u64) -> Self {
        Self::get(format!("/events?count={count}"), Expect::Events(count))
    }

    pub(super) fn upload(random: &mut Random, parts: u64, pause: Duration) -> Self {
        let parts: Vec<Bytes> = (0..parts)
            .map(|_| {
                let start = random.number() % 251;
                (start..start + random.of(1..=8 * 1024)).map(download_byte).collect()
            })
            .collect();
        Self::upload_of(Upload { parts, pause, sized: random.of(0..=1) == 0 })
    }

    pub(super) fn upload_of(upload: Upload) -> Self {
        let sum = upload.parts.iter().fold(0, |sum, part| checksum_on(sum, part));
        let expect = Expect::Text(format!("{} {sum}", upload.length()));
        let path = "/upload".to_owned();
        Self { upload: Some(upload), ..Self::get(path, expect) }
    }

    pub(super) const fn with_read_pause(mut self, pause: Duration) -> Self {
        self.read_pause = pause;
        self
    }

    pub(super) const fn with_head_pause(mut self, pause: Duration) -> Self {
        self.head_pause = pause;
        self
    }

    /// The head of the request in HTTP/1.1.
    pub(super) fn head(&self, addr: SocketAddr) -> String {
        let method = if self.upload.is_some() { "POST" } else { "GET" };
        let mut head = format!("{method} {} HTTP/1.1\r\nhost: {addr}\r\n", self.path);
        match &self.upload {
            Some(upload) if upload.sized => {
                // Writing to a string does not fail.
                let _ = write!(head, "content-length: {}\r\n", upload.length());
            }
            Some(_) => head.push_str("transfer-encoding: chunked\r\n"),
            None => (),
        }
        head.push_str("\r\n");
        head
    }
}

impl Upload {
    fn length(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// What is written for each part, the end of a chunked body included.
    pub(super) fn writes(&self) -> Vec<Bytes> {
        if self.sized {
            return self.parts.clone();
        }
        let chunks = self.parts.iter().map(|part| {
            let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
            chunk.extend_from_slice(part);
            chunk.extend_from_slice(b"\r\n");
            Bytes::from(chunk)
        });
        chunks.chain([Bytes::from_static(b"0\r\n\r\n")]).collect()
    }
}
