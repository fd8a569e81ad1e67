//! The layer that ends the streams of a route, and its service.

use std::{
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use lameduck_core::{Phase, PhaseWatch};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    body::UntilDrainBody,
    future::UntilDrainFuture,
    route::{Route, essence},
};
use crate::{RetryAfter, farewell::is_told_by_header, sampler::Sampler};

/// Ends event streams (`text/event-stream`) when the server drains, on every route it is put on.
///
/// - What is ready is sent first, and an event that has begun is sent whole, until
///   [`Cancelling`](Phase::Cancelling) at the latest, but for 32 frames that are ready then. Then
///   comes `retry:` with a time to come back, drawn for each client, and the end of the body.
///   `EventSource` connects again by itself.
/// - On HTTP/1 the head of a stream says `Connection: close`, from the start on: the stream is its
///   connection's last answer. Otherwise `EventSource` would ask again on that connection and be
///   turned away, and it takes a 503 for the end of all.
/// - A body with another content type is left alone, unless that is added with
///   [`with_content_type`](Self::with_content_type); so is one that said how long it is, for it
///   must not look whole when it is not, one that is compressed, and one with [`RunOn`] in its
///   response's extensions. Those run on, as every request in flight does.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # #[expect(dead_code, reason = "shown, not run")]
/// # fn f(
/// #     events: axum::routing::MethodRouter, upload: axum::routing::MethodRouter,
/// #     watch: lameduck_core::PhaseWatch,
/// # ) -> axum::Router {
/// use axum::Router;
/// use lameduck_drain::UntilDrainLayer;
///
/// Router::new()
///     .route("/events", events.layer(UntilDrainLayer::new(watch)))
///     .route("/upload", upload)
/// # }
/// ```
///
/// Put it inside of what compresses and of the [`DrainLayer`](crate::DrainLayer). What is set here
/// is kept for as long as the process lives, once it has wrapped a service.
///
/// [`RunOn`]: crate::RunOn
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct UntilDrainLayer {
    route: Arc<Route>,
    /// The same, leaked when it first wraps a service.
    kept: Arc<OnceLock<&'static Route>>,
}

impl UntilDrainLayer {
    /// Makes a layer that ends event streams at [`Draining`](Phase::Draining).
    pub fn new(watch: PhaseWatch) -> Self {
        Self { route: Arc::new(Route::new(watch)), kept: Arc::default() }
    }

    /// Sets the phase in which streams end. By default [`Draining`](Phase::Draining).
    ///
    /// With [`LameDuck`](Phase::LameDuck) their clients leave while everybody else is still
    /// served. A stream that begins after that ends at once, which sends its client elsewhere too.
    pub fn with_phase(self, phase: Phase) -> Self {
        self.with(|route| route.phase = phase)
    }

    /// Sets what `retry:` says at the end of an event stream. By default 1 to 3 s, in
    /// milliseconds.
    pub fn with_retry_after(self, retry_after: RetryAfter) -> Self {
        self.with(|route| route.retry_after = retry_after)
    }

    /// Ends bodies of this content type too, such as `application/x-ndjson`, whatever its parameters.
    ///
    /// They end where they pause, without a last word, and to their client they look whole. So
    /// only add types of which any beginning is good: logs and feeds, not documents.
    pub fn with_content_type(self, content_type: impl Into<String>) -> Self {
        self.with(|route| route.content_types.push(essence(&content_type.into()).to_owned()))
    }

    /// Ends streams of gRPC messages too, with `UNAVAILABLE` in their trailers and the time to come
    /// back as `grpc-retry-pushback-ms`. By default they run on.
    ///
    /// A stream ends where it pauses between two messages. Calls with one answer do not pause, so
    /// they are answered. With [`with_phase`](Self::with_phase) of [`Cancelling`](Phase::Cancelling)
    /// streams have all the time of the drain. Keep this off a health service, which has
    /// `NOT_SERVING` to say on its stream.
    pub fn with_grpc(self) -> Self {
        self.with(|route| route.ends_grpc = true)
    }

    /// Draws times to come back from this seed, so that a test sees the same ones every time. By
    /// default they differ in every process.
    pub fn with_seed(self, seed: u64) -> Self {
        self.with(|route| route.sampler = Arc::new(Sampler::seeded(seed)))
    }

    fn with(mut self, change: impl FnOnce(&mut Route)) -> Self {
        change(Arc::make_mut(&mut self.route));
        // What was kept before this is another layer's.
        self.kept = Arc::default();
        self
    }
}

impl<S> Layer<S> for UntilDrainLayer {
    type Service = UntilDrainService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let keep = || &**Box::leak(Box::new(Arc::clone(&self.route)));
        UntilDrainService { inner, route: self.kept.get_or_init(keep) }
    }
}

/// Middleware that ends streams when the server drains. See [`UntilDrainLayer`].
#[derive(Clone, Debug)]
pub struct UntilDrainService<S> {
    inner: S,
    route: &'static Route,
}

impl<S> UntilDrainService<S> {
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Unwraps the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for UntilDrainService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Body,
    ResBody::Data: From<Bytes>,
{
    type Response = Response<UntilDrainBody<ResBody>>;
    type Error = S::Error;
    type Future = UntilDrainFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let by_header = is_told_by_header(&request);
        UntilDrainFuture::new(self.inner.call(request), self.route, by_header)
    }
}
