//! Rejects new requests while a server drains, and asks clients to leave before that.
//!
//! A *drain* is the time in which a server finishes what it has and takes nothing new. To reject a
//! request without losing it, the response must say that nothing was executed and when to come
//! back, in the protocol that the client speaks. The mistake this crate exists to avoid is to close
//! the connection instead: a client that sees it close cannot know whether its request was run.
//!
//! # Example
//!
//! ```
//! use http::{Request, header};
//! use http_body_util::Full;
//! use lameduck_drain::{DrainLayer, Phase, phase_channel};
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
//! Directly inside of the layer that counts requests (`lameduck-inflight`): a request must be
//! counted before it is let in, else the drain reads zero while one slips through. Inside of CORS,
//! so that a browser may read the rejection and its `Retry-After`. Outside of everything else: a
//! rejected request should cost nothing.
//!
//! It answers in the inner service's own type, so that needs a body that can be made from bytes
//! (`From<Bytes>`), as axum's `Body`, `Full<Bytes>` and the body of `lameduck-context` can. Wrap
//! any other first, for example with tower-http's `MapResponseBodyLayer::new(EitherBody::inner)`.
//!
//! Event streams, WebSockets and gRPC streams have no end of their own. `until_drain`,
//! `UntilDrainLayer` and `close_on_drain` end them, where you put them; `docs/streams.md` says how.
//!
//! # Guarantees
//!
//! 1. From draining on, a new request never reaches the handler, unless it is exempt.
//! 2. A rejection carries `Retry-After`, and `NotExecuted` in its extensions.
//! 3. A gRPC call is rejected with trailers-only `UNAVAILABLE`.
//! 4. From lame duck on, every response on HTTP/1 says `Connection: close`, once.
//! 5. A response on HTTP/2 never says it, and neither does a switch of protocols or a tunnel.
//! 6. A request that was let in is never rejected later.
//! 7. What a stream has queued is delivered before its end, and an event that has begun is sent
//!    whole.
//! 8. A body with a declared length is never cut.
//! 9. Messages that cross the close frame are read. A peer that does not answer holds the close for
//!    its timeout and no longer.
//! 10. A layer that is made again and again, with a router, uses no more memory.
//!
//! # Cost
//!
//! One atomic load when a request comes and one each time its handler is polled. Behind the first
//! 64 layers of a process: no allocation, no lock, no timer, no reference count and no copy of the
//! response. `docs/costs.md` has the measurements, and the costs of streams.
//!
//! # What it does not do
//!
//! - It waits for nothing: the owner of the phase does.
//! - It cannot close a WebSocket whose handler does not read from it.
//! - It does not reach idle connections, for it sees only requests. `lameduck-server` does.
//! - It sends no GOAWAY. On HTTP/2 the server notifies clients.
//!
//! # Feature flags
//!
//! - `stream`: `until_drain`, and `UntilDrainLayer` for a whole route.
//! - `websocket`: `close_on_drain`, for any socket that is a `Stream` and a `Sink`.
//! - `axum`, `tungstenite`: the same, for axum's or tungstenite's messages.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod close_header;
mod config;
mod exempt;
mod future;
mod gradual;
mod health;
mod layer;
mod options;
mod rejection;
mod retry_after;
mod sampler;
mod service;
mod shared;
#[cfg(feature = "stream")]
mod stream;
#[cfg(any(feature = "stream", feature = "websocket"))]
mod until;
#[cfg(feature = "websocket")]
mod websocket;

#[doc(inline)]
pub use lameduck_core::{
    EitherBody, NotExecuted, Phase, PhaseReached, PhaseSender, PhaseWatch, phase_channel,
};

#[cfg(feature = "stream")]
pub use self::stream::{
    RunOn, UntilDrain, UntilDrainBody, UntilDrainFuture, UntilDrainLayer, UntilDrainOptions,
    UntilDrainService, until_drain,
};
#[cfg(feature = "websocket")]
pub use self::websocket::{
    CloseMessage, CloseOnDrain, CloseOptions, CloseReason, InvalidCloseReason, close_on_drain,
};
pub use self::{
    exempt::Exempt,
    future::DrainFuture,
    health::{Livez, Readyz},
    layer::DrainLayer,
    options::{DrainOptions, MakeRejection, RejectionOptions},
    rejection::{InvalidRejectionStatus, Rejection, RejectionStatus, Rejections},
    retry_after::RetryAfter,
    service::DrainService,
};
