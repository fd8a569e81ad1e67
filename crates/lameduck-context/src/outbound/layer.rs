//! The layer for outbound calls, and what it writes into their headers.

use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use lameduck_core::plumbing::is_grpc;

use crate::{CancelReason, DeadlineSource, RequestContext};

/// Returns the headers of a request.
pub(super) type HeadersOf<R> = fn(&mut R) -> &mut HeaderMap;

/// The way back within a region, and the time to write the answer.
const RESERVE: Duration = Duration::from_millis(20);

/// Too little time for a call, and too little to be written in milliseconds.
pub(super) const LEAST: Duration = Duration::from_millis(1);

/// What an [`OutboundLayer`] sends with a call. [`OutboundLayer::with_options`] changes it in
/// place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundOptions {
    /// The header for the deadline of a call that is not gRPC. By default `x-request-timeout-ms`.
    ///
    /// A [custom](DeadlineSource::custom) source can only be read: no header is sent then.
    pub header: DeadlineSource,

    /// How much of the remaining time is kept back, for the answer's way back and for an answer of
    /// the handler's own. By default 20 ms.
    pub reserve: Duration,

    /// Whether the request's id is sent. By default it is.
    pub request_id: bool,

    /// Whether the trace and the baggage are sent. By default they are. Say `false` for services of
    /// others, which would learn which services call each other.
    pub trace: bool,

    /// Whether the baggage is sent with the trace. By default it is. Say `false` for services that
    /// must not see what callers have put into it.
    pub baggage: bool,
}

impl OutboundOptions {
    /// The defaults: everything is sent.
    #[must_use]
    pub const fn new() -> Self {
        let header = DeadlineSource::request_timeout_ms();
        Self { header, reserve: RESERVE, request_id: true, trace: true, baggage: true }
    }
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Wraps clients in [`OutboundService`](crate::OutboundService): a call knows how long it may take
/// and which request and trace it is for, and it ends with the request.
///
/// A call is made in the [current](RequestContext::current) context. Outside of any, the call is
/// sent unchanged, so that one client serves both requests and jobs. In a context, the call
///
/// - carries its deadline: the [remaining](RequestContext::remaining) time less the
///   [reserve](OutboundOptions::reserve). In `grpc-timeout` if it is a gRPC call, else in
///   `x-request-timeout-ms`. A shorter one that it carries already stays;
/// - is not made if that is less than a millisecond, or if the request is cancelled: it fails with
///   an [`OutboundError`](crate::OutboundError) that says so;
/// - carries the request's id and trace, unless it has its own;
/// - is dropped when that time is over or the request is cancelled. This applies until the head of
///   the answer has arrived; the reader of the body drops the body.
///
/// For hyper-util's client and every other `tower` service of [`http::Request`]s. For reqwest's
/// client see [`for_requests`](Self::for_requests), for tonic's channels
/// [`GrpcOutboundLayer`](crate::GrpcOutboundLayer).
///
/// ```
/// # #![allow(dead_code)]
/// # use std::{convert::Infallible, error::Error};
/// # use http::{Request, Response};
/// # use lameduck_context::OutboundLayer;
/// # use tower::{Layer, ServiceExt, service_fn};
/// # async fn execute(_: Request<String>) -> Result<Response<String>, Infallible> {
/// #     Ok(Response::default())
/// # }
/// # async fn handler() -> Result<(), Box<dyn Error>> {
/// let client = OutboundLayer::new().layer(service_fn(execute));
/// let answer = client.oneshot(Request::get("http://db/rows").body(String::new())?).await?;
/// # drop(answer); Ok(())
/// # }
/// ```
///
/// `H` is how the headers of a request are found: `()` for [`http::Request`].
#[derive(Clone)]
#[must_use = "a layer does nothing until it wraps a client"]
pub struct OutboundLayer<H = ()> {
    options: OutboundOptions,
    pub(super) headers_of: H,
}

impl OutboundLayer {
    /// Makes a layer that sends the deadline, the id and the trace.
    pub const fn new() -> Self {
        Self { options: OutboundOptions::new(), headers_of: () }
    }

    /// For clients whose requests are of another type. `headers_of` returns the headers of a
    /// request.
    ///
    /// For reqwest's:
    ///
    /// ```
    /// # use lameduck_context::OutboundLayer;
    /// # use tower::Layer;
    /// let layer = OutboundLayer::new().for_requests(reqwest::Request::headers_mut);
    /// let client = layer.layer(reqwest::Client::new());
    /// // … client.oneshot(request).await?
    /// # drop(client);
    /// ```
    pub fn for_requests<R>(self, headers_of: HeadersOf<R>) -> OutboundLayer<HeadersOf<R>> {
        OutboundLayer { options: self.options, headers_of }
    }
}

impl<H> OutboundLayer<H> {
    /// Changes the options in place. By default [`OutboundOptions::new`].
    pub fn with_options(mut self, change: impl FnOnce(&mut OutboundOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Writes the headers of a call, for a client that no layer can wrap. Returns how long the call
    /// may take, if that is known. The caller has to end the call then, as [`RequestContext::run`]
    /// does.
    ///
    /// # Errors
    ///
    /// Why the call is not to be made. No header is written then.
    pub fn write(
        &self,
        context: &RequestContext,
        headers: &mut HeaderMap,
    ) -> Result<Option<Duration>, CancelReason> {
        if let Some(reason) = context.reason() {
            return Err(reason);
        }
        let grpc = DeadlineSource::grpc();
        let header = if is_grpc(headers) { &grpc } else { &self.options.header };
        let said = header.read(headers).and_then(Result::ok);
        let left = context.remaining().map(|left| left.saturating_sub(self.options.reserve));
        let least = said.into_iter().chain(left).min();
        if least.is_some_and(|least| least < LEAST) {
            return Err(CancelReason::DeadlineExceeded);
        }
        if said.is_none() || said > left {
            if let Some(value) = left.and_then(|left| header.write(left)) {
                set(headers, header.name(), value);
            }
        }
        self.write_names(context, headers);
        Ok(least)
    }

    /// Writes which request and which trace the call is for.
    fn write_names(&self, context: &RequestContext, headers: &mut HeaderMap) {
        let OutboundOptions { header: _, reserve: _, request_id, trace, baggage } = self.options;
        let name = context.config().options.request_id.as_ref().map(|ids| &ids.header);
        if let (true, Some(name), Some(id)) = (request_id, name, context.request_id_header()) {
            if !headers.contains_key(name) {
                set(headers, name, id.clone());
            }
        }
        match context.trace() {
            Some(found) if trace && baggage => found.write(headers),
            Some(found) if trace => found.clone().without_baggage().write(headers),
            _ => {}
        }
    }

    /// The context to make a call in, with its headers written. `None` outside of any.
    pub(super) fn begin(
        &self,
        headers: &mut HeaderMap,
    ) -> Result<Option<RequestContext>, CancelReason> {
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

impl<H> fmt::Debug for OutboundLayer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { options, headers_of: _ } = self;
        f.debug_struct("OutboundLayer").field("options", options).finish_non_exhaustive()
    }
}

/// Sets a header. A head that has as many headers as the map allows stays without it.
fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name, value);
}
