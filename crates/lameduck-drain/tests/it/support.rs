//! A service behind a drain, and a phase to move.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body_util::{BodyExt, Full};
use lameduck_drain::{DrainLayer, DrainOptions, Phase, PhaseSender, phase_channel};
use tower::{Layer, ServiceExt, service_fn};

pub(crate) type Body = Full<Bytes>;

/// A drain with a handler behind it that answers as the test asks for.
pub(crate) struct Bench {
    pub(crate) sender: PhaseSender,
    pub(crate) drain: DrainLayer,
    calls: Arc<AtomicUsize>,
    handler: fn() -> Response<Body>,
}

impl Bench {
    pub(crate) fn new(phase: Phase) -> Self {
        let (sender, watch) = phase_channel();
        sender.publish(phase);
        Self {
            sender,
            drain: DrainLayer::new(watch),
            calls: Arc::default(),
            handler: || Response::new(Body::from("handled")),
        }
    }

    /// The same with other options.
    pub(crate) fn with(self, change: impl FnOnce(&mut DrainOptions)) -> Self {
        let mut options = DrainOptions::new();
        change(&mut options);
        Self { drain: self.drain.with_options(options), ..self }
    }

    pub(crate) fn answering(self, handler: fn() -> Response<Body>) -> Self {
        Self { handler, ..self }
    }

    /// How often the handler was called.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        let (calls, handler) = (Arc::clone(&self.calls), self.handler);
        let service = service_fn(move |_: Request<Body>| {
            calls.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok::<_, Infallible>(handler()))
        });
        self.drain.layer(service).oneshot(request).await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        self.send(get(path)).await
    }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::default()).unwrap()
}

pub(crate) fn get_on(version: Version) -> Request<Body> {
    Request::get("/").version(version).body(Body::default()).unwrap()
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// All values of the `Connection` header.
pub(crate) fn connection(response: &Response<Body>) -> Vec<&str> {
    let values = response.headers().get_all(header::CONNECTION);
    values.iter().map(|value| value.to_str().unwrap()).collect()
}
