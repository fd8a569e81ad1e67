//! The same for gRPC channels, which fail with a status.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode};
use lameduck_core::{MaybeExecuted, NotExecuted, plumbing::Answer};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    OutboundLayer,
    service::{Call, Ended},
};
use crate::Reason;

const CANCELLED: u8 = 1;
const DEADLINE_EXCEEDED: u8 = 4;

/// Wraps gRPC channels in [`GrpcOutboundService`]: as an [`OutboundLayer`], but a call for which
/// there is no time ends as gRPC calls do, with a status.
///
/// `DEADLINE_EXCEEDED` where the time was over (also if the channel fails in the last two
/// milliseconds: tonic's keeps the same time, and calls its end a cancellation), `CANCELLED` where the request was cancelled for
/// another reason. The error's type stays the channel's, and a tonic client sees a `Status` with the
/// right code. It may be sent again only if the response carries
/// [`NotExecuted`](lameduck_core::NotExecuted).
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
    /// Makes a layer that does what `layer` does.
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

/// A channel whose calls take along what is left of their request's time, and end with it. Made by
/// [`GrpcOutboundLayer`].
#[derive(Clone, Debug)]
pub struct GrpcOutboundService<S> {
    inner: S,
    layer: OutboundLayer,
}

impl<S> GrpcOutboundService<S> {
    /// The inner channel.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner channel, to change it.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Takes the inner channel out.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
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
        let begun = self.layer.begin(request.headers_mut());
        GrpcOutboundFuture { call: Call::begin(begun, || self.inner.call(request)) }
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
        call.as_mut().poll_call(cx).map(|ended| match ended {
            // tonic's channels keep `grpc-timeout` themselves, a millisecond earlier or later than
            // we do, and take the end of it for a cancellation.
            Ok(Err(_)) if call.is_over() => Ok(answer(&Ended::Cancelled(Reason::DeadlineExceeded))),
            Ok(answer) => answer,
            Err(ended) => Ok(answer(&ended)),
        })
    }
}

/// A status, as a server would have sent it.
fn answer<B: Default>(ended: &Ended) -> Response<B> {
    let (reason, message) = match ended {
        Ended::NotSent(reason) => (*reason, format!("The call was not made: {reason}.")),
        Ended::Cancelled(reason) => (*reason, format!("The call was cancelled: {reason}.")),
    };
    let status = if reason == Reason::DeadlineExceeded { DEADLINE_EXCEEDED } else { CANCELLED };
    let answer = Answer::new(StatusCode::GATEWAY_TIMEOUT, reason.name(), message);
    let mut response = answer.into_grpc_response(status).map(|_| B::default());
    match ended {
        Ended::NotSent(_) => response.extensions_mut().insert(NotExecuted::new()).is_some(),
        Ended::Cancelled(_) => response.extensions_mut().insert(MaybeExecuted::new()).is_some(),
    };
    response
}

impl<F> fmt::Debug for GrpcOutboundFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call: _ } = self;
        f.debug_struct("GrpcOutboundFuture").finish_non_exhaustive()
    }
}
