//! Gives each HTTP request an id, a deadline and a way to be cancelled, and ends it when its time is
//! over.
//!
//! A request's *context* is what is known of it wherever its handler's code runs: which request this
//! is, how long it may still take, and whether anybody still waits for the answer. The mistake this
//! crate exists to avoid is a timeout that drops the handler without a word: work it has spawned goes
//! on for nobody, a half-done step is left undone, and the client cannot tell what was executed. Here
//! a handler that holds its context is told first and may still answer.
//!
//! # Example
//!
//! ```
//! # use std::{convert::Infallible, time::Duration};
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! # use tower::{Layer, ServiceExt, service_fn};
//! use lameduck_context::{ContextLayer, RequestContext};
//!
//! # async fn full_report() -> &'static str { std::future::pending().await }
//! async fn report(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     let context = RequestContext::current().expect("the layer is around this handler");
//!     let text = tokio::select! {
//!         text = full_report() => text,
//!         _reason = context.cancelled() => "as far as I came",
//!     };
//!     Ok(Response::new(text.into()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = ContextLayer::new().with_timeout(Duration::from_secs(2));
//! let response = layer.layer(service_fn(report)).oneshot(Request::default()).await?;
//! assert_eq!(response.status(), 200);
//! assert!(response.headers().contains_key("x-request-id"));
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! Inside the layers that count requests and turn them away, so that a rejected request costs no id
//! and no timer and the 504 is counted as an answer; around authentication, idempotency and the
//! routes, so that their time counts and their logs know the id. A layer inside may ask for the
//! context in its `call`, where spans are made.
//!
//! A route may have a layer of its own inside the router's, at the cost of an allocation for each of
//! its requests: the shorter limit counts, and the id is the router's. Where a route's limit is to be
//! the longer one, the router's layer [asks the request](ContextLayer::with_timeout_by). Who wants the
//! time limit and nothing else takes [`TimeoutLayer`].
//!
//! # Deadlines from outside
//!
//! A caller's deadline (`grpc-timeout`, Envoy's header, one of your own) is read where
//! [`with_inbound_deadline`](ContextLayer::with_inbound_deadline) says that callers are trusted. It
//! only shortens: a request has the least of what its caller says, the limit of its route, the
//! server's maximum and what is left of the drain. On the wire a deadline is how long, inside it is
//! until when; no two clocks have to agree.
//!
//! ```
//! # use std::time::Duration;
//! # use lameduck_context::{ContextLayer, InboundDeadline};
//! let layer = ContextLayer::new()
//!     .with_timeout(Duration::from_secs(10))
//!     .with_inbound_deadline(InboundDeadline::new().with_maximum(Duration::from_secs(30)));
//! # let _ = layer;
//! ```
//!
//! # Work beside the handler
//!
//! [`RequestContext::run`] drops a part of the work when its context is cancelled,
//! [`child`](RequestContext::child) gives it a part of the time. [`spawn`](RequestContext::spawn)
//! is for work that goes on after the answer, [`spawn_blocking`](RequestContext::spawn_blocking) for
//! work that blocks, [`detach`](RequestContext::detach) for work that its client must not end; a
//! [tracker](ContextLayer::with_tracker) counts all three.
//!
//! # Guarantees
//!
//! 1. A handler that is ready in the same tick as its deadline wins; one that takes too long is
//!    answered 504 at its deadline, and is dropped before it is answered for.
//! 2. A handler that holds its context is told, and its answer is delivered. After the grace it is
//!    dropped; one that does not hold its context is dropped at the deadline.
//! 3. At cancelling the context says shutdown and the handler runs on; at forced the handler is
//!    dropped and answered 503. No deadline lies after the end of the drain.
//! 4. A request that is dropped at any await is cancelled as its client is gone. A finished request
//!    is not cancelled; one whose body fails midway is, as the body failed. The first reason stays.
//! 5. A body without a limit outlives the limit of its handler. One that is ended is seen as
//!    truncated, never as complete; a gRPC stream ends with trailers that say why.
//! 6. A safe id is taken over. One that is empty, longer than 128 bytes, of other characters or one
//!    of several is replaced, and the handler does not see it.
//! 7. A request inside a request gives the outer context back, and so does a panic. A context that
//!    was used before remembers nothing.
//! 8. A handler that is ready needs neither clock nor timer.
//! 9. A caller's deadline only shortens, and ends the body too. A request whose deadline has passed
//!    does not enter its handler, and is told that nothing was executed. A value that cannot be read
//!    is counted and left out; none panics.
//! 10. Spawned work is dropped when its client leaves, at the deadline and by a stop; detached work
//!     is told of a stop and dropped when it is forced. Both are counted from before they begin.
//! 11. A trace is passed through. A parent that is not valid is none, and its state with it.
//!
//! An answer given in the handler's stead carries
//! [`MaybeExecuted`](lameduck_core::MaybeExecuted): the request may be sent again only if it is
//! idempotent. A gRPC call that is ended at forced says so to its client: `UNAVAILABLE` comes with
//! `grpc-retry-pushback-ms: -1`, which no retry policy repeats.
//!
//! # Cost
//!
//! For a handler that is ready at its first poll, over the bare service (`cargo xtask perf`:
//! callgrind, one codegen unit, four request and two response headers, the service cloned for each
//! request, the body read to its end):
//!
//! | layer | instructions | allocations | bytes in the future |
//! |---|---|---|---|
//! | [`TimeoutLayer`] | 55 | 0 | 32 |
//! | tower-http `TimeoutLayer` | 643 | 0 | 104 |
//! | [`ContextLayer`], id made and told, with or without limits | 1162 | 1 | 16 |
//! | tower-http `SetRequestIdLayer` and `PropagateRequestIdLayer` | 3735 | 9 | 80 |
//!
//! A third of it is the context; the rest is to make an id, write it and find its header twice.
//!
//! The one allocation is the id as text. To ask for the context costs none: a thread keeps up to 32
//! contexts for the requests to come; one allocation more is made for each request beyond that which
//! waits at the same time. A handler that waits pays for one timer and one allocation, if it has a
//! limit, and for one allocation more if it follows the phases of a stop. `tests/allocations.rs` and
//! `tests/it/sizes.rs` hold these numbers. A caller's deadline costs a look at the clock, a trace or
//! a value one allocation and those of what is kept, for the requests that have them.
//!
//! # What it does not do
//!
//! - It does not stop code that does not await: a handler that blocks its thread is neither told nor
//!   dropped.
//! - It does not follow a task of `tokio::spawn`, nor an upgraded connection. Take the context along:
//!   it says when to stop, until the answer is complete.
//! - It does not bound a client that is slow to read, which is the server's work. A body is held to
//!   its limit when it is polled.
//! - It does not catch panics, count requests or turn them away.
//! - It begins no trace and records no span: it passes on what came. See [`TraceContext`].
//! - Ids made within one tick of the system's clock, as a rule up to 10 ms, are not in the order in
//!   which they were made, nor are those before and after the clock is set back. Different they are
//!   in any case: 74 bits of each are random.
//!
//! # Feature flags
//!
//! - `axum`: [`RequestContext`] as an argument of an axum handler.
//! - `client`: `OutboundLayer`, for clients: calls take along what is left of the time, the id and
//!   the trace, and end with the request.
//! - `tower-http`: tower-http's `RequestId` in the request's extensions as well.
//! - `tracing`: an event at debug for each request that did not simply end well, with `event`,
//!   `status` (499 for a client that has left), `reason`, `request_id` and `trace_id`; and
//!   `RequestContext::record_in`, which writes the ids into a span as OpenTelemetry names them.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod alarm;
mod answer;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod bounds;
mod child;
#[cfg(feature = "client")]
mod client;
mod clock;
mod config;
mod context;
mod counts;
mod ended;
mod extras;
mod future;
mod head;
mod id;
mod inbound;
mod layer;
mod more;
mod options;
mod reason;
mod scope;
mod service;
mod shared;
#[cfg(feature = "tracing")]
mod span;
mod spare;
mod spawn;
mod timeout;
#[cfg(feature = "tower-http")]
mod tower_http;
mod trace;
mod values;

#[cfg(feature = "axum")]
pub use self::axum::ContextMissing;
#[cfg(feature = "client")]
pub use self::client::{
    GrpcOutboundFuture, GrpcOutboundLayer, GrpcOutboundService, OutboundError, OutboundFuture,
    OutboundLayer, OutboundOfLayer, OutboundOfService, OutboundService,
};
pub use self::{
    answer::Interrupted,
    body::{BodyInterrupted, ContextBody},
    child::{Cancelled, Run},
    context::RequestContext,
    counts::ContextCounts,
    future::ContextFuture,
    head::RequestHead,
    inbound::{DeadlineSource, InboundDeadline, InvalidDeadline},
    layer::ContextLayer,
    reason::Reason,
    service::ContextService,
    spawn::{SpawnError, Spawned},
    timeout::{TimeoutFuture, TimeoutLayer, TimeoutService},
    trace::{SpanId, TraceContext, TraceId},
};
