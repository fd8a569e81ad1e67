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
//! A route may have a layer of its own inside the router's: its limit then is the shorter one. Who
//! wants the time limit and nothing else takes [`TimeoutLayer`].
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
//! | [`TimeoutLayer`] | 57 | 0 | 32 |
//! | tower-http `TimeoutLayer` | 644 | 0 | 104 |
//! | [`ContextLayer`], id made and told, with or without limits | 1268 | 1 | 16 |
//! | tower-http `SetRequestIdLayer` and `PropagateRequestIdLayer` | 3728 | 9 | 80 |
//!
//! A third of it is the context; the rest is to make an id, write it and find its header twice.
//!
//! The one allocation is the id as text. To ask for the context costs none: a thread keeps up to 32
//! contexts for the requests to come; one allocation more is made for each request beyond that which
//! waits at the same time. A handler that waits pays for one timer and one allocation, if it has a
//! limit, and for one allocation more if it follows the phases of a stop. `tests/allocations.rs` and
//! `tests/it/sizes.rs` hold these numbers.
//!
//! # What it does not do
//!
//! - It does not stop code that does not await: a handler that blocks its thread is neither told nor
//!   dropped.
//! - It does not follow a spawned task. Take the context along: it says when to stop, until the
//!   answer is complete. What goes on after that, an upgraded connection too, is not cancelled.
//! - It does not bound a client that is slow to read, which is the server's work. A body is held to
//!   its limit when it is polled.
//! - It does not catch panics, count requests or turn them away.
//! - It sends no deadline on and reads none from a request's headers.
//! - Ids made in one millisecond are not in the order in which they were made.
//!
//! # Feature flags
//!
//! - `axum`: [`RequestContext`] as an argument of an axum handler.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod alarm;
mod answer;
#[cfg(feature = "axum")]
mod axum;
mod body;
mod config;
mod context;
mod future;
mod id;
mod layer;
mod reason;
mod scope;
mod service;
mod shared;
mod spare;
mod timeout;

#[cfg(feature = "axum")]
pub use self::axum::ContextMissing;
pub use self::{
    answer::Interrupted,
    body::{BodyInterrupted, ContextBody},
    context::RequestContext,
    future::ContextFuture,
    layer::ContextLayer,
    reason::Reason,
    service::ContextService,
    timeout::{TimeoutFuture, TimeoutLayer, TimeoutService},
};
