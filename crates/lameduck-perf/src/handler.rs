//! The request, and the handler that every stack is put around.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Full;
use tower::Service;

/// What the handler answers with.
pub type Reply = Response<Full<Bytes>>;

/// What is asked, and how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// Four request headers, two response headers; answered at the first poll.
    Ready,
    /// The same, answered at the second poll.
    Waiting,
    /// No headers; answered at the first poll. Next to nothing, so that what is shared shows.
    Empty,
}

impl Work {
    /// All, by name.
    pub const ALL: [(&str, Self); 3] =
        [("ready", Self::Ready), ("waiting", Self::Waiting), ("empty", Self::Empty)];

    /// The work with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, work)| work)
    }

    /// The request.
    // Never inlined, and neither are the handler's call and poll: a server reads its requests
    // elsewhere, and reaches its handlers through a pointer. Otherwise the compiler inlines them
    // into some stacks and not into others, and that would be counted as a layer's cost.
    #[inline(never)]
    #[must_use]
    pub fn request(self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(Bytes::new()));
        if self != Self::Empty {
            let headers = request.headers_mut();
            headers.insert(header::HOST, HeaderValue::from_static("localhost:8080"));
            headers.insert(header::USER_AGENT, HeaderValue::from_static("perf/1"));
            headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        request
    }

    fn reply(self) -> Reply {
        let mut response = Response::new(Full::new(Bytes::from_static(b"hello")));
        if self != Self::Empty {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }
}

/// Does its work.
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    work: Work,
}

impl Handler {
    /// A handler for that work.
    #[must_use]
    pub const fn new(work: Work) -> Self {
        Self { work }
    }
}

impl<B> Service<Request<B>> for Handler {
    type Response = Reply;
    type Error = Infallible;
    type Future = HandlerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    #[inline(never)]
    fn call(&mut self, _: Request<B>) -> HandlerFuture {
        HandlerFuture { work: self.work, waits: self.work == Work::Waiting }
    }
}

/// Response future of [`Handler`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct HandlerFuture {
    work: Work,
    waits: bool,
}

impl Future for HandlerFuture {
    type Output = Result<Reply, Infallible>;

    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        // No wake-up: the loop that drives it polls again at once, so that the runtime's own work
        // is not in the numbers.
        if std::mem::take(&mut self.waits) {
            return Poll::Pending;
        }
        Poll::Ready(Ok(self.work.reply()))
    }
}
