//! A request, and the right answer to it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, uri::PathAndQuery};

/// A request, and the right answer to it, for any server and any path.
///
/// ```
/// use lameduck_drill::{Expect, Plan};
///
/// let mut plan = Plan::get("/users/7").expecting(Expect::Same);
/// plan.headers.insert("accept", "application/json".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// By default `GET`.
    pub method: Method,
    /// The path, with its query if it has one.
    pub path: PathAndQuery,
    /// Headers beside those of the connection, of the host and of the body. By default none.
    pub headers: HeaderMap,
    /// By default none.
    pub body: Option<PlanBody>,
    /// The right status. By default 200.
    pub status: u16,
    /// The right body of the answer. By default [`Expect::Any`].
    pub expect: Expect,
    /// The pause before each read of the answer's body, for a client that reads slowly. By default
    /// none.
    pub read_pause: Duration,
    /// The pause in the middle of the request's head, for a client that writes slowly. HTTP/1 only.
    /// By default none.
    pub head_pause: Duration,
}

/// The right body of an answer. In each case its end must be marked, by a length or by chunks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Expect {
    /// Any body of at most 1 MiB.
    Any,
    /// A body of at most 1 MiB that is always the same: the first complete answer to the method and
    /// path decides.
    Same,
    /// This text. White space around it is ignored.
    Text(String),
    /// So many bytes, which repeat a pattern.
    Repeated {
        /// What is repeated.
        pattern: Bytes,
        /// The length of the body in bytes. The last repetition may be cut.
        length: u64,
    },
    /// Server-sent events `data: 0`, `data: 1` and so on: at most so many, each of them whole.
    Events(u64),
}

/// The body of a request, sent in parts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlanBody {
    /// The parts.
    pub parts: Vec<Bytes>,
    /// The pause before each part. By default none.
    pub pause: Duration,
    /// Whether the request says the length. If not, each part is a chunk. By default true.
    pub is_sized: bool,
}

impl Plan {
    /// A request with this method, without a body, for which any complete body is right.
    #[must_use]
    pub fn new(method: Method, path: PathAndQuery) -> Self {
        Self {
            method,
            path,
            headers: HeaderMap::new(),
            body: None,
            status: 200,
            expect: Expect::Any,
            read_pause: Duration::ZERO,
            head_pause: Duration::ZERO,
        }
    }

    /// A `GET` of this path.
    ///
    /// # Panics
    ///
    /// If `path` is not a path. For a path from outside, parse it and use [`new`](Self::new).
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path.parse().expect("not a path"))
    }

    /// A `POST` of this path.
    ///
    /// # Panics
    ///
    /// If `path` is not a path. For a path from outside, parse it and use [`new`](Self::new).
    #[must_use]
    pub fn post(path: &str, body: PlanBody) -> Self {
        let plan = Self::new(Method::POST, path.parse().expect("not a path"));
        Self { body: Some(body), ..plan }
    }

    /// The same request with another right body.
    #[must_use]
    pub fn expecting(self, expect: Expect) -> Self {
        Self { expect, ..self }
    }
}

impl PlanBody {
    /// A body of these parts, sent without a pause.
    #[must_use]
    pub fn new(parts: impl Into<Vec<Bytes>>) -> Self {
        Self { parts: parts.into(), pause: Duration::ZERO, is_sized: true }
    }

    pub(super) fn length(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// What HTTP/1 writes for each part, the end of a chunked body included.
    pub(super) fn writes(&self) -> Vec<Bytes> {
        if self.is_sized {
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
