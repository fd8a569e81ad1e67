//! Requests, handlers and bodies that the tests share.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use lameduck_context::RequestContext;
use lameduck_core::StopDeadlines;
use tokio::sync::mpsc;
use tower::Service;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Ask = Request<Full<Bytes>>;
pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) fn ask() -> Ask {
    Request::new(Full::default())
}

pub(crate) fn ask_with(name: &'static str, value: &'static str) -> Ask {
    let mut request = ask();
    request.headers_mut().append(name, value.parse().expect("a header value"));
    request
}

pub(crate) fn ask_grpc() -> Ask {
    let mut request = ask_with("content-type", "application/grpc+proto");
    *request.method_mut() = http::Method::POST;
    *request.version_mut() = Version::HTTP_2;
    request
}

pub(crate) fn hello() -> Answer {
    Response::new(Full::from("hello"))
}

/// A service of an async function that cannot fail.
pub(crate) fn handler<F, Fut, B>(
    f: F,
) -> impl Service<Ask, Response = Response<B>, Error = Infallible, Future: Send> + Clone
where
    F: Fn(Ask) -> Fut + Clone,
    Fut: Future<Output = Response<B>> + Send,
{
    tower::service_fn(move |request| {
        let answer = f(request);
        async move { Ok(answer.await) }
    })
}

/// The context of the running code, which is expected to be known.
pub(crate) fn current() -> RequestContext {
    RequestContext::current().expect("the code runs in a context")
}

/// The current id, if there is one.
pub(crate) fn current_id() -> Option<String> {
    RequestContext::current()?.request_id().map(str::to_owned)
}

/// A value that a handler leaves for its test.
pub(crate) struct Left<T>(Arc<Mutex<Option<T>>>);

impl<T> Left<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// A value that a test leaves for its handler.
    pub(crate) fn of(value: T) -> Self {
        Self(Arc::new(Mutex::new(Some(value))))
    }

    pub(crate) fn leave(&self, value: T) {
        *self.0.lock().expect("not poisoned") = Some(value);
    }

    pub(crate) fn take(&self) -> T {
        self.0.lock().expect("not poisoned").take().expect("the handler left something")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().expect("not poisoned").is_none()
    }
}

impl<T> Clone for Left<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Leaves what `read` returns when it is dropped.
pub(crate) struct OnDrop<T, F: Fn() -> T> {
    pub(crate) left: Left<T>,
    pub(crate) read: F,
}

impl<T, F: Fn() -> T> Drop for OnDrop<T, F> {
    fn drop(&mut self) {
        self.left.leave((self.read)());
    }
}

/// A body that is fed through a channel, and calls a function at each poll.
pub(crate) struct Fed {
    frames: mpsc::UnboundedReceiver<Frame<Bytes>>,
    pub(crate) at_poll: Box<dyn FnMut() + Send>,
}

pub(crate) type Feed = mpsc::UnboundedSender<Frame<Bytes>>;

pub(crate) fn fed() -> (Feed, Fed) {
    let (feed, frames) = mpsc::unbounded_channel();
    (feed, Fed { frames, at_poll: Box::new(|| ()) })
}

pub(crate) fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

impl Body for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        (self.at_poll)();
        self.frames.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

/// The members of a problem document.
pub(crate) async fn problem<B>(response: Response<B>) -> serde_json::Value
where
    B: Body<Error: std::fmt::Debug>,
{
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = response.into_body().collect().await.expect("a body of the layer").to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

/// The deadlines of a stop of which only the end of the drain matters.
pub(crate) fn cancelling_at(at: Option<std::time::Instant>) -> StopDeadlines {
    let mut deadlines = StopDeadlines::new();
    deadlines.cancelling_at = at;
    deadlines
}
