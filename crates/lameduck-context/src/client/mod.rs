//! Calls that go out: they take the deadline, the id and the trace along, and end with the request.

mod error;
mod grpc;
mod other;
mod service;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use lameduck_core::plumbing::is_grpc;
use tower_layer::Layer;

pub use self::{
    error::OutboundError,
    grpc::{GrpcOutboundFuture, GrpcOutboundLayer, GrpcOutboundService},
    other::{OutboundOfLayer, OutboundOfService},
    service::{OutboundFuture, OutboundService},
};
use crate::{DeadlineSource, Reason, RequestContext};

/// The way back within a region, and the time to write our own answer.
const RESERVE: Duration = Duration::from_millis(20);

/// Less than this is no time to call anybody, and cannot be written in milliseconds.
const LEAST: Duration = Duration::from_millis(1);

/// Wraps clients in [`OutboundService`]: what a handler calls knows how long it may take, which
/// request and trace it is for, and is let go of with the request.
///
/// A call is made in the [current](RequestContext::current) context. Outside of any it goes out as
/// it is, so that one client serves both requests and jobs. In one, the call
///
/// - says in its header how long there is: what is [left](RequestContext::remaining), less the
///   [reserve](Self::with_reserve). In `grpc-timeout` if it is a gRPC call, else in
///   `x-request-timeout-ms`. A shorter time that it says already stays;
/// - is not made if that is less than a millisecond, or if the request is cancelled: it fails with
///   an [`OutboundError`] that says so;
/// - carries the request's id and trace, unless it has its own;
/// - is dropped when that time is over or the request is cancelled. This is until the head of the
///   answer is there; the body is dropped by whoever reads it.
///
/// For hyper-util's client and whatever is a `tower` service of [`http::Request`]s; for reqwest's see
/// [`of`](Self::of), for tonic's channels [`GrpcOutboundLayer`].
///
/// ```
/// # #![allow(dead_code)]
/// # use std::{convert::Infallible, error::Error};
/// # use http::{Request, Response};
/// # use lameduck_context::OutboundLayer;
/// # use tower::{Layer, ServiceExt, service_fn};
/// # async fn execute(_: Request<String>) -> Result<Response<String>, Infallible> { Ok(Response::default()) }
/// # async fn handler() -> Result<(), Box<dyn Error>> {
/// let client = OutboundLayer::new().layer(service_fn(execute));
/// let answer = client.oneshot(Request::get("http://db/rows").body(String::new())?).await?;
/// # drop(answer); Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a client"]
pub struct OutboundLayer {
    header: DeadlineSource,
    reserve: Duration,
    sends_id: bool,
    sends_trace: bool,
    sends_baggage: bool,
}

impl OutboundLayer {
    /// Makes a layer that sends all of it.
    pub const fn new() -> Self {
        let header = DeadlineSource::request_timeout_ms();
        Self { header, reserve: RESERVE, sends_id: true, sends_trace: true, sends_baggage: true }
    }

    /// Sets what is kept back of the time that is left, for the answer's way back and for an answer
    /// of our own. By default 20 ms.
    pub const fn with_reserve(mut self, reserve: Duration) -> Self {
        self.reserve = reserve;
        self
    }

    /// Sets the header that says the deadline of a call that is not gRPC. By default
    /// `x-request-timeout-ms`.
    ///
    /// A [custom](DeadlineSource::custom) one can only be read: then no header is sent.
    pub fn with_header(mut self, header: DeadlineSource) -> Self {
        self.header = header;
        self
    }

    /// Does not send the request's id.
    pub const fn without_request_id(mut self) -> Self {
        self.sends_id = false;
        self
    }

    /// Sends no trace and no baggage: for others' services, which would learn who calls whom.
    pub const fn without_trace(mut self) -> Self {
        self.sends_trace = false;
        self
    }

    /// Sends no baggage, which is whatever callers have put into it.
    pub const fn without_baggage(mut self) -> Self {
        self.sends_baggage = false;
        self
    }

    /// Writes the headers of a call, for a client that no layer can wrap. Returns how long the call
    /// may take, if that is known; to end it then is up to you, as [`RequestContext::run`] does.
    ///
    /// # Errors
    ///
    /// Why the call is not to be made. Nothing was written then.
    pub fn write(
        &self,
        context: &RequestContext,
        headers: &mut HeaderMap,
    ) -> Result<Option<Duration>, Reason> {
        if let Some(reason) = context.reason() {
            return Err(reason);
        }
        let grpc = DeadlineSource::grpc();
        let header = if is_grpc(headers) { &grpc } else { &self.header };
        let said = header.read(headers).and_then(Result::ok);
        let left = context.remaining().map(|left| left.saturating_sub(self.reserve));
        let least = said.into_iter().chain(left).min();
        if least.is_some_and(|least| least < LEAST) {
            return Err(Reason::DeadlineExceeded);
        }
        if said.is_none() || said > left {
            if let Some(value) = left.and_then(|left| header.write(left)) {
                set(headers, header.name(), value);
            }
        }
        self.write_names(context, headers);
        Ok(least)
    }

    /// Which request and which trace it is.
    fn write_names(&self, context: &RequestContext, headers: &mut HeaderMap) {
        let header = context.config().id.as_ref().map(|id| &id.header);
        if let (true, Some(name), Some(id)) = (self.sends_id, header, context.request_id_header()) {
            if !headers.contains_key(name) {
                set(headers, name, id.clone());
            }
        }
        match context.trace() {
            Some(trace) if self.sends_trace && self.sends_baggage => trace.write(headers),
            Some(trace) if self.sends_trace => trace.clone().without_baggage().write(headers),
            _ => {}
        }
    }

    /// The context to make a call in, with its headers written. None outside of any.
    fn begin(&self, headers: &mut HeaderMap) -> Result<Option<RequestContext>, Reason> {
        let Some(context) = RequestContext::current() else { return Ok(None) };
        let limit = self.write(&context, headers)?;
        Ok(Some(match limit {
            Some(limit) => context.child_within(limit),
            None => context,
        }))
    }
}

impl Default for OutboundLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for OutboundLayer {
    type Service = OutboundService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        OutboundService::new(inner, self.clone())
    }
}

/// Sets a header. Headers so many that one more is refused go without.
fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name, value);
}
