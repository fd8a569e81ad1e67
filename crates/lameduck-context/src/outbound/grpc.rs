//! Outbound calls through gRPC channels, which fail with a status.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode};
use lameduck_core::{
    MaybeExecuted, NotExecuted,
    plumbing::{Answer, inner_accessors},
};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    layer::OutboundLayer,
    service::{Call, NoAnswer},
};
use crate::CancelReason;

const CANCELLED: u8 = 1;
const DEADLINE_EXCEEDED: u8 = 4;

/// Wraps gRPC channels in [`GrpcOutboundService`]: as an [`OutboundLayer`], but a call for which no
/// time is left ends as gRPC calls do, with a status.
///
/// The status is `DEADLINE_EXCEEDED` where the time was over, and `CANCELLED` where the request was
/// cancelled for another reason. A channel that fails in the last two milliseconds also ends with
/// `DEADLINE_EXCEEDED`: tonic's channel has the same deadline and reports it as a cancellation.
///
/// The type of the error stays the channel's, and a tonic client sees a `Status` with the right
/// code. The call may be sent again only if the response carries
/// [`NotExecuted`](crate::NotExecuted).
///
/// ```text
/// let channel = GrpcOutboundLayer::new(OutboundLayer::new()).layer(channel);
/// let mut client = GreeterClient::new(channel);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a client"]
pub struct GrpcOutboundLayer {
    layer: OutboundLayer,
}

impl GrpcOutboundLayer {
    /// Makes a layer with the options of `layer`.
    pub const fn new(layer: OutboundLayer) -> Self {
        Self { layer }
    }
}

impl Default for GrpcOutboundLayer {
    fn default() -> Self {
        Self::new(OutboundLayer::new())
    }
}

impl<S> Layer<S> for GrpcOutboundLayer {
    type Service = GrpcOutboundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        GrpcOutboundService { inner, layer: self.layer.clone() }
    }
}

/// A channel whose calls have the deadline of their request, and end with it. Made by
/// [`GrpcOutboundLayer`].
#[derive(Clone, Debug)]
pub struct GrpcOutboundService<S> {
    inner: S,
    layer: OutboundLayer,
}

impl<S> GrpcOutboundService<S> {
    inner_accessors!(inner: S, "channel");
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for GrpcOutboundService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = GrpcOutboundFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let context = self.layer.begin(request.headers_mut());
        GrpcOutboundFuture { call: Call::begin(context, || self.inner.call(request)) }
    }
}

pin_project! {
    /// Response future of [`GrpcOutboundService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct GrpcOutboundFuture<F> {
        #[pin]
        call: Call<F>,
    }
}

impl<F, B, E> Future for GrpcOutboundFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Default,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut call = self.project().call;
        call.as_mut().poll_call(cx).map(|result| match result {
            // tonic's channel keeps `grpc-timeout` too, a millisecond earlier or later, and reports
            // its end as a cancellation.
            Ok(Err(_)) if call.is_over() => {
                Ok(answer(&NoAnswer::Cancelled(CancelReason::DeadlineExceeded)))
            }
            Ok(answer) => answer,
            Err(no_answer) => Ok(answer(&no_answer)),
        })
    }
}

/// A status, as a server would send it.
fn answer<B: Default>(no_answer: &NoAnswer) -> Response<B> {
    let (reason, message) = match no_answer {
        NoAnswer::NotSent(reason) => (*reason, format!("The call was not made: {reason}.")),
        NoAnswer::Cancelled(reason) => (*reason, format!("The call was cancelled: {reason}.")),
    };
    let status =
        if reason == CancelReason::DeadlineExceeded { DEADLINE_EXCEEDED } else { CANCELLED };
    let answer = Answer::new(StatusCode::GATEWAY_TIMEOUT, reason.name(), message);
    let mut response = answer.into_grpc_response(status).map(|_| B::default());
    match no_answer {
        NoAnswer::NotSent(_) => response.extensions_mut().insert(NotExecuted::new()).is_some(),
        NoAnswer::Cancelled(_) => response.extensions_mut().insert(MaybeExecuted::new()).is_some(),
    };
    response
}

impl<F> fmt::Debug for GrpcOutboundFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call: _ } = self;
        f.debug_struct("GrpcOutboundFuture").finish_non_exhaustive()
    }
}
