//! What stands for our layers in the world without them: tower-http's and tokio-util's.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TrackedFuture},
};
use tower::{
    Layer, Service, ServiceBuilder,
    layer::util::{Identity, Stack},
};
use tower_http::{
    catch_panic::{CatchPanicLayer, DefaultResponseForPanic},
    classify::{ServerErrorsAsFailures, SharedClassifier},
    metrics::InFlightRequestsLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

/// A limit that no request reaches.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Counts what can be waited for, and rejects requests once a token is cancelled.
///
/// The few lines that everybody writes around tokio-util's parts.
#[derive(Clone, Debug, Default)]
pub struct TrackerGateLayer {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl<S> Layer<S> for TrackerGateLayer {
    type Service = TrackerGate<S>;

    fn layer(&self, inner: S) -> TrackerGate<S> {
        TrackerGate { inner, tracker: self.tracker.clone(), token: self.token.clone() }
    }
}

/// Middleware of [`TrackerGateLayer`].
#[derive(Clone, Debug)]
pub struct TrackerGate<S> {
    inner: S,
    tracker: TaskTracker,
    token: CancellationToken,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for TrackerGate<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = TrackerGateFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        if self.token.is_cancelled() {
            return TrackerGateFuture { inner: None };
        }
        TrackerGateFuture { inner: Some(self.tracker.track_future(self.inner.call(request))) }
    }
}

pin_project! {
    /// Response future of [`TrackerGate`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct TrackerGateFuture<F> {
        // None: the request was rejected.
        #[pin]
        inner: Option<TrackedFuture<F>>,
    }
}

impl<F, B, E> Future for TrackerGateFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if let Some(inner) = self.project().inner.as_pin_mut() {
            return inner.poll(cx);
        }
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        Poll::Ready(Ok(response))
    }
}

/// The six layers that a tower-http user puts on a server, as its examples do.
pub type Typical = Stack<
    TimeoutLayer,
    Stack<
        InFlightRequestsLayer,
        Stack<
            CatchPanicLayer<DefaultResponseForPanic>,
            Stack<
                PropagateRequestIdLayer,
                Stack<
                    TraceLayer<SharedClassifier<ServerErrorsAsFailures>>,
                    Stack<SetRequestIdLayer<MakeRequestUuid>, Identity>,
                >,
            >,
        >,
    >,
>;

/// Request id, trace (without a subscriber), panic recovery, count, timeout.
#[must_use]
pub fn typical() -> Typical {
    ServiceBuilder::new()
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(TraceLayer::new_for_http())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(CatchPanicLayer::new())
        .layer(in_flight())
        .layer(timeout())
        .into_inner()
}

/// The four jobs that our layer does, and no other: count, gate, request id, timeout.
pub type SameJobs = Stack<TimeoutLayer, Stack<RequestId, Gate>>;

/// Puts the four jobs in our order.
#[must_use]
pub fn same_jobs() -> SameJobs {
    Stack::new(timeout(), Stack::new(request_id(), gate()))
}

/// A request id, and its header on the response.
pub type RequestId = Stack<PropagateRequestIdLayer, SetRequestIdLayer<MakeRequestUuid>>;

/// Sets the id and sends it back.
#[must_use]
pub const fn request_id() -> RequestId {
    Stack::new(
        PropagateRequestIdLayer::x_request_id(),
        SetRequestIdLayer::x_request_id(MakeRequestUuid),
    )
}

/// Counts to the end of the body, can be waited for, rejects.
pub type Gate = Stack<TrackerGateLayer, InFlightRequestsLayer>;

/// It takes both: the one counts to the end of the body, the other can be waited for.
#[must_use]
pub fn gate() -> Gate {
    Stack::new(TrackerGateLayer::default(), in_flight())
}

/// The time limit.
#[must_use]
pub fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LIMIT)
}

fn in_flight() -> InFlightRequestsLayer {
    InFlightRequestsLayer::pair().0
}
