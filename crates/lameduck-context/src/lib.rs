//! Gives each HTTP request an id, a deadline and a way to be cancelled, and ends it in time.
//!
//! A request's *context* is what its handler's code can ask anywhere: which request this is, how
//! long it may still take, and whether the client still waits for the answer. The mistake this
//! crate exists to avoid is a timeout that silently drops the handler: its spawned work goes on, a
//! half-done step stays half-done, and the client cannot know what was executed. Here a handler
//! that holds its context is notified first and may still answer.
//!
//! # Example
//!
//! ```
//! # use std::{convert::Infallible, time::Duration};
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! # use tower::{Layer, ServiceExt, service_fn};
//! use lameduck_context::{ContextLayer, RequestContext, phase_channel};
//!
//! # async fn full_report() -> &'static str { std::future::pending().await }
//! async fn report(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
//!     let context = RequestContext::current().expect("the layer is around this handler");
//!     let text = tokio::select! {
//!         text = full_report() => text,
//!         _reason = context.cancelled() => "a partial report",
//!     };
//!     Ok(Response::new(text.into()))
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // `lameduck` moves the phase; without it, `sender.publish(Phase::Cancelling)` does.
//! let (sender, phase) = phase_channel();
//! let layer = ContextLayer::new().with_timeout(Duration::from_secs(2)).with_phase(phase);
//! let response = layer.layer(service_fn(report)).oneshot(Request::default()).await?;
//! assert_eq!(response.status(), 200);
//! assert!(response.headers().contains_key("x-request-id"));
//! # drop(sender); Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! Inside the layers that count requests and reject them, so that a rejected request costs no id
//! and no timer and the 504 counts as an answer. Around authentication, idempotency and the routes,
//! so that their time counts and their logs have the id.
//!
//! A route may have a layer of its own inside the router's, for one more allocation. The shorter
//! limit counts, and the id is the router's. For a route with a longer limit, the router's layer
//! [decides by the request](ContextLayer::with_timeout_by). [`TimeoutLayer`] is the limit alone.
//!
//! This crate is the only dependency that the layer needs: it re-exports [`PhaseWatch`], which a
//! server of your own makes with [`phase_channel`]. `docs/deadlines.md` says how a deadline is
//! made, capped and propagated, and how a handler runs a [part](RequestContext::child) of its work
//! or a [task](RequestContext::spawn).
//!
//! # Guarantees
//!
//! 1. A handler that is ready in the same tick as its deadline wins; one that takes too long is
//!    answered 504 at its deadline, and is dropped before the answer is given.
//! 2. A handler that holds its context is notified, and its answer is delivered. After the grace it
//!    is dropped; a handler that does not hold its context is dropped at the deadline.
//! 3. At cancelling the context says shutdown and the handler runs on; at forced the handler is
//!    dropped and answered 503. No deadline lies after the end of the drain.
//! 4. A request that is dropped at any await is cancelled: its client is gone. A finished request
//!    is not cancelled; one whose body fails midway is. The first reason stays.
//! 5. A body without a limit outlives the limit of its handler. A body that is ended is seen as
//!    truncated, never as complete; a gRPC stream ends with trailers that say why.
//! 6. A safe id is taken over. One that is empty, longer than 128 bytes, of other characters or one
//!    of several is replaced, and the handler does not see it.
//! 7. A request inside a request gives the outer context back, and so does a panic. A context that
//!    was used before remembers nothing.
//! 8. A handler that is ready needs neither clock nor timer.
//! 9. A caller's deadline only shortens, and ends the body too. A request whose deadline has passed
//!    does not enter its handler, and its answer says that nothing was executed.
//! 10. Spawned work is dropped when its client leaves, at the deadline and by a stop; detached
//!     work is notified of a stop and dropped when it is forced. Both are counted from before they
//!     begin.
//! 11. A trace is propagated and never started. An invalid parent is ignored, its state with it.
//! 12. A router that is rebuilt again and again, with new layers, uses no more memory.
//!
//! # Cost
//!
//! For a handler that is ready at its first poll: one allocation, the text of the id, and 16 bytes
//! in its future. [`TimeoutLayer`] allocates nothing. `docs/costs.md` has the measurements.
//!
//! # What it does not do
//!
//! - It does not stop code that does not await: such a handler is neither notified nor dropped.
//! - It does not follow a task of `tokio::spawn`, nor an upgraded connection: pass the context on.
//! - It does not bound a client that reads slowly, which is the server's work.
//! - It does not catch panics, count requests, or reject them for any reason but their deadline.
//! - It starts no trace and records no span. See [`TraceContext`].
//! - Ids do not sort within one tick of the system's clock, as a rule up to 10 ms.
//!
//! # Feature flags
//!
//! - `axum`: [`RequestContext`] as an argument of an axum handler.
//! - `client`: `OutboundLayer`, for outbound calls that carry the deadline and end in time.
//! - `tower-http`: tower-http's `RequestId` in the request's extensions as well.
//! - `tracing`: debug events for requests that did not simply end well, and the ids in a span.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod context;
mod deadline_timer;
mod inbound;
mod integrations;
mod layer;
#[cfg(feature = "client")]
mod outbound;
mod request_id;
mod time;
mod timeout;
mod trace;

pub use lameduck_core::{
    MaybeExecuted, NotExecuted, Phase, PhaseSender, PhaseWatch, phase_channel,
};

#[cfg(feature = "axum")]
pub use self::integrations::axum::ContextMissing;
#[cfg(feature = "client")]
pub use self::outbound::{
    GrpcOutboundFuture, GrpcOutboundLayer, GrpcOutboundService, OutboundError, OutboundFuture,
    OutboundLayer, OutboundOptions, OutboundService,
};
pub use self::{
    context::{CancelReason, Cancelled, RequestContext, RunUntilCancelled, SpawnError, Spawned},
    inbound::{DeadlineSource, InboundDeadline, InvalidDeadline},
    layer::{
        BodyInterrupted, ContextBody, ContextCounts, ContextFuture, ContextLayer, ContextOptions,
        ContextService, Interrupted, RequestHead, RequestTimeouts,
    },
    request_id::RequestIdOptions,
    timeout::{TimeoutFuture, TimeoutLayer, TimeoutService},
    trace::{SpanId, TraceContext, TraceId, TraceOptions},
};
