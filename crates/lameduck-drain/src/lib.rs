//! Turns new requests away while a server drains, and asks clients to leave before that.
//!
//! A *drain* is the time in which a server finishes what it has and takes nothing new. To refuse a
//! request without losing it, the refusal must say that nothing was executed and when to come back,
//! in the words of the protocol that the client speaks. The mistake this crate exists to avoid is
//! to let the connection say it: a client that sees it close cannot know whether its request was
//! run.
//!
//! # Example
//!
//! ```
//! use http::{Request, header};
//! use http_body_util::Full;
//! use lameduck_core::{Phase, phase_channel};
//! use lameduck_drain::DrainLayer;
//! # use tower::{Layer, ServiceExt, service_fn};
//! # type Body = Full<bytes::Bytes>;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), std::convert::Infallible> {
//! let (sender, watch) = phase_channel();
//! let drain = DrainLayer::new(watch);
//! let rejections = drain.rejections();
//! let service = drain.layer(service_fn(async |_: Request<Body>| {
//!     Ok::<_, std::convert::Infallible>(http::Response::new(Body::default()))
//! }));
//!
//! sender.publish(Phase::LameDuck);
//! let response = service.clone().oneshot(Request::new(Body::default())).await?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.headers()[header::CONNECTION], "close");
//!
//! sender.publish(Phase::Draining);
//! let response = service.oneshot(Request::new(Body::default())).await?;
//! assert_eq!(response.status(), 503);
//! assert!(response.headers().contains_key(header::RETRY_AFTER));
//! assert_eq!(rejections.count(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! Directly inside of what counts requests (`lameduck-inflight`): a request must be counted before
//! it is let in, else the drain reads zero while one slips through. Inside of CORS, so that a
//! browser may read the refusal and its `Retry-After`. Outside of everything else: a request that
//! is turned away should cost nothing.
//!
//! It answers in the inner service's own type, so that must have a body that bytes can be made
//! into (`From<Bytes>`): axum's `Body` and `Full<Bytes>` are such, and so is the body of
//! `lameduck-context`, whatever is in it. Any other is wrapped first, for example with
//! tower-http's `MapResponseBodyLayer::new(lameduck_core::EitherBody::inner)`.
//!
//! # Streams
//!
//! An event stream or a WebSocket has no end of its own, so a drain would wait for it until its
//! deadline and then cut it. Each of them can be told to end instead:
//!
//! | what | how | its client sees |
//! |---|---|---|
//! | a route of event streams | `.layer(UntilDrainLayer::new(watch))` | whole events, `retry:`, the end |
//! | any stream of items | `until_drain(stream, watch).with_last(item)` | what was queued, the last item, the end |
//! | gRPC streams | `.layer(UntilDrainLayer::new(watch).with_grpc())` | whole messages, `UNAVAILABLE` in trailers |
//! | a WebSocket | `close_on_drain(socket, watch)` | its answers, then a close frame, 1001 |
//! | anything else, such as a tunnel | `watch.reached(Phase::Draining).await`, in a `select!` | what you say |
//!
//! All take what is ready first, wait behind it, and end at `Cancelling` at the latest. Each can
//! end at lame duck already. What is not told to end runs on.
//!
//! # Guarantees
//!
//! 1. From draining on, a new request never reaches the handler, unless it is exempt.
//! 2. A refusal carries `Retry-After`, and `NotExecuted` in its extensions.
//! 3. A gRPC call is refused with trailers-only `UNAVAILABLE`.
//! 4. From lame duck on, every answer on HTTP/1 says `Connection: close`, once.
//! 5. An answer on HTTP/2 never says it, and neither does a switch of protocols or a tunnel.
//! 6. A request that was let in is never turned away later.
//! 7. What a stream has queued is delivered before its end, and an event that has begun is sent
//!    whole.
//! 8. A body that said its length is never cut.
//! 9. What crosses the close frame is read, and a peer that does not answer is waited for its time
//!    and no longer.
//!
//! # Cost
//!
//! One atomic load when the request comes and one each time its handler is polled. No allocation, no
//! lock, no timer (`tests/allocations.rs`), and no copy of the response. A request touches no reference count: what a layer was told is kept for as long as the
//! process lives, once for all services that the layer and its clones make.
//!
//! An answer that is no stream costs `UntilDrainLayer` a look at its content type, a word in its
//! body and no allocation. A stream costs an atomic load for each item, and waits for the phase
//! from its first pause on, for one allocation.
//!
//! # What it does not do
//!
//! - It does not wait for anything: that is for whoever moves the phase.
//! - It cannot tell a WebSocket whose handler does not read from it.
//! - It reaches no idle connection, for it sees only requests. `lameduck-server` does.
//! - It sends no GOAWAY: HTTP/2 connections are told by the server.
//!
//! # Feature flags
//!
//! - `stream`: `until_drain`, and `UntilDrainLayer` for a whole route.
//! - `websocket`: `close_on_drain`, for any socket that is a `Stream` and a `Sink`.
//! - `axum`, `tungstenite`: the same, which knows axum's messages, or tungstenite's.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod config;
mod exempt;
mod farewell;
mod future;
mod gate;
mod gradual;
mod health;
mod layer;
mod rejection;
mod retry_after;
mod sampler;
mod service;
#[cfg(feature = "stream")]
mod stream;
#[cfg(any(feature = "stream", feature = "websocket"))]
mod until;
#[cfg(feature = "websocket")]
mod websocket;

#[cfg(feature = "stream")]
pub use self::stream::{
    RunOn, UntilDrain, UntilDrainBody, UntilDrainFuture, UntilDrainLayer, UntilDrainService,
    until_drain,
};
#[cfg(feature = "websocket")]
pub use self::websocket::{
    CloseMessage, CloseOnDrain, CloseReason, InvalidCloseReason, close_on_drain,
};
pub use self::{
    future::DrainFuture,
    health::{Livez, Readyz},
    layer::DrainLayer,
    rejection::{InvalidRejection, Rejection, Rejections},
    retry_after::RetryAfter,
    service::DrainService,
};
