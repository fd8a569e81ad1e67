//! What the tests share.

use std::{convert::Infallible, future::Future, pin::pin};

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::{Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use lameduck_inflight::{InFlight, InFlightBody, InFlightLayer, InFlightOptions, RequestIdSource};
use tower::{Layer, Service, service_fn};

/// A body's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// A body of any kind. Forwards what the body inside says of itself.
pub(crate) type AnyBody = UnsyncBoxBody<Bytes, Broken>;

/// What a service answers.
pub(crate) type Answered = Result<Response<AnyBody>, Infallible>;

/// A body of these frames, that knows neither its length nor its end.
pub(crate) fn stream_of(frames: Vec<Result<Frame<Bytes>, Broken>>) -> AnyBody {
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// A frame of data.
pub(crate) fn data(text: &'static str) -> Result<Frame<Bytes>, Broken> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// A body that does not fail.
pub(crate) fn sound<B>(body: B) -> AnyBody
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    body.map_err(|never| match never {}).boxed_unsync()
}

/// A request without a body.
pub(crate) fn request(method: Method, uri: &'static str) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = http::Uri::from_static(uri);
    request
}

/// Sends `request` through the layer to a handler that answers `response` at once.
pub(crate) fn answer<B: Body>(
    in_flight: &InFlight,
    request: Request<()>,
    response: Response<B>,
) -> Response<InFlightBody<B>> {
    let mut response = Some(response);
    let handler = service_fn(move |_: Request<()>| {
        let response = response.take();
        async move { Ok::<_, Infallible>(response.expect("one request")) }
    });
    let mut service = InFlightLayer::new(in_flight.clone()).layer(handler);
    now(service.call(request)).expect("the handler answers")
}

/// Polls once a future that is ready by then.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("ready at its first poll")
}

/// Polls once a future that is not ready by then.
pub(crate) fn pending<F: Future>(future: F) -> bool {
    pin!(future).now_or_never().is_none()
}

/// A count that lists its requests.
pub(crate) fn with_ledger() -> InFlight {
    let mut options = InFlightOptions::new();
    options.ledger = Some(RequestIdSource::Header);
    InFlight::with_options(options)
}

/// The next frame's data, or whether the body ended or failed.
pub(crate) fn frame<B: Body + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
    now(body.frame())
}

/// Nothing is in flight, and so many ended well and badly.
#[track_caller]
pub(crate) fn check(in_flight: &InFlight, finished: u64, aborted: u64) {
    let totals = in_flight.totals();
    assert_eq!((totals.finished(), totals.aborted()), (finished, aborted), "finished, aborted");
    assert_eq!(totals.entered(), finished + aborted, "entered");
    assert_eq!(in_flight.count(), 0, "in flight");
    assert!(in_flight.is_idle());
    assert!(in_flight.blockers().is_empty());
}
