//! The service as hyper calls it, and the tasks it is called in on HTTP/2.

use std::{future::Future, sync::Arc};

use http::{Request, Response};
use http_body::Body as _;
use hyper::{body::Incoming, rt::Executor, service::Service};
use hyper_util::service::{TowerToHyperService, TowerToHyperServiceFuture};

use super::{live::Seat, upload::Upload};

/// A tower service, asked once for each request.
#[derive(Debug)]
pub(super) struct Handler<S> {
    service: TowerToHyperService<S>,
    upload: Arc<Upload>,
}

impl<S> Handler<S> {
    pub(super) fn new(service: S, upload: Arc<Upload>) -> Self {
        Self { service: TowerToHyperService::new(service), upload }
    }
}

impl<S, B> Service<Request<Incoming>> for Handler<S>
where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TowerToHyperServiceFuture<S, Request<Incoming>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.upload.on_request(!request.body().is_end_stream());
        self.service.call(request)
    }
}

/// Runs the streams of an HTTP/2 connection, each in a task that keeps the connection's seat.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    seat: Arc<Seat>,
}

impl Streams {
    pub(super) const fn new(seat: Arc<Seat>) -> Self {
        Self { seat }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "hyper's stream tasks: the seat tracks them")]
    fn execute(&self, stream: F) {
        let seat = Arc::clone(&self.seat);
        tokio::spawn(async move {
            let _seat = seat;
            stream.await
        });
    }
}
