//! The service as hyper calls it on HTTP/2, and the tasks it is called in.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Request;
use hyper::{body::Incoming, rt::Executor, service::Service};
use pin_project_lite::pin_project;

use super::link::Link;

/// A tower service. Each stream gets a clone.
#[derive(Debug)]
pub(super) struct StreamHandler<S> {
    service: S,
    link: Arc<Link>,
}

impl<S> StreamHandler<S> {
    pub(super) const fn new(service: S, link: Arc<Link>) -> Self {
        Self { service, link }
    }
}

impl<S> Service<Request<Incoming>> for StreamHandler<S>
where
    S: tower_service::Service<Request<Incoming>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = StreamCall<S, S::Future>;

    /// The call is made in the task of the stream: a panic in it ends no other.
    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.link.on_request();
        StreamCall::Waiting { call: Box::new((self.service.clone(), Some(request))) }
    }
}

pin_project! {
    /// The call of a service, once it is ready for the request.
    #[project = StreamCallProjection]
    pub(super) enum StreamCall<S, F> {
        // Boxed: it is as large as a request and a service.
        Waiting { call: Box<(S, Option<Request<Incoming>>)> },
        Running { #[pin] future: F },
    }
}

impl<S> Future for StreamCall<S, S::Future>
where
    S: tower_service::Service<Request<Incoming>>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let future = match self.as_mut().project() {
                StreamCallProjection::Running { future } => return future.poll(cx),
                StreamCallProjection::Waiting { call } => {
                    let (service, request) = &mut **call;
                    ready!(service.poll_ready(cx))?;
                    // Polled after its end, which hyper does not do.
                    let Some(request) = request.take() else { return Poll::Pending };
                    service.call(request)
                }
            };
            self.set(Self::Running { future });
        }
    }
}

/// Runs the streams of an HTTP/2 connection. The task of each keeps the seat of the connection.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    link: Arc<Link>,
}

impl Streams {
    pub(super) const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

/// Counts a stream for as long as its task runs.
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
