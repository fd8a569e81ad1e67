//! The service as hyper calls it, and the tasks it is called in on HTTP/2.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Request, Response, StatusCode, header::CONNECTION};
use http_body::Body as _;
use hyper::{body::Incoming, rt::Executor, service::Service};
use hyper_util::service::{TowerToHyperService, TowerToHyperServiceFuture};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::link::Link;

/// A tower service, asked once for each request.
#[derive(Debug)]
pub(super) struct Handler<S> {
    service: TowerToHyperService<S>,
    link: Arc<Link>,
    /// From when on an answer says that the connection closes.
    old_at: Option<Instant>,
}

impl<S> Handler<S> {
    pub(super) fn new(service: S, link: Arc<Link>, old_at: Option<Instant>) -> Self {
        Self { service: TowerToHyperService::new(service), link, old_at }
    }
}

pin_project! {
    /// An answer to come, which says on an old connection that it is the last one.
    pub(super) struct Answering<F> {
        #[pin]
        inner: F,
        old_at: Option<Instant>,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.inner.poll(cx));
        if let (Some(at), Ok(response)) = (*this.old_at, &mut answer) {
            // A switch of protocols has a `Connection` of its own.
            if response.status() != StatusCode::SWITCHING_PROTOCOLS && Instant::now() >= at {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        Poll::Ready(answer)
    }
}

impl<S, B> Service<Request<Incoming>> for Handler<S>
where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answering<TowerToHyperServiceFuture<S, Request<Incoming>>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.link.on_request(!request.body().is_end_stream());
        // HTTP/2 has no such header: there it is a GOAWAY.
        let old_at = if self.link.is_http1() { self.old_at } else { None };
        Answering { inner: self.service.call(request), old_at }
    }
}

/// Runs the streams of an HTTP/2 connection, each in a task that keeps the connection's seat.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    link: Arc<Link>,
}

impl Streams {
    pub(super) const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

/// Counts a stream for as long as its task has it.
struct Stream {
    link: Arc<Link>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.link.on_stream_end();
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "hyper's stream tasks: the seat tracks them")]
    fn execute(&self, stream: F) {
        self.link.on_stream();
        let counted = Stream { link: Arc::clone(&self.link) };
        tokio::spawn(async move {
            let _counted = counted;
            stream.await
        });
    }
}
