//! Stops an axum, tonic or hyper server without losing a request, in three lines.
//!
//! A *lame duck* is a server that still answers, but asks its clients to go elsewhere: the state
//! between running and draining that stock servers lack. Without it every deploy cuts requests:
//! those in the accept queue, those on idle connections whose client was never told, and those
//! behind a handler that nobody waits for. [`Lameduck`] connects the crates below, each of which
//! works alone.
//!
//! # Example
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use lameduck::Lameduck;
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     let duck = Lameduck::new().on_stop("database", async || { /* close the pool */ });
//!     let app = duck.wrap(Router::new().route("/", get(async || "hello")));
//!     duck.serve("0.0.0.0:8080", app).await.into() // 0 clean, 1 forced, 2 not started
//! }
//! ```
//!
//! Or piece by piece, on a server that is already there:
//!
//! ```no_run
//! # use axum::{Router, routing::get};
//! # use lameduck::Lameduck;
//! # #[expect(dead_code, reason = "shown, not run")]
//! # async fn run(listener: tokio::net::TcpListener) -> std::io::Result<()> {
//! let duck = Lameduck::new();
//! let app = Router::new().route("/", get(async || "hello")).layer(duck.layer());
//! axum::serve(duck.axum_listener(listener), app)
//!     .with_graceful_shutdown(duck.shutdown_signal())
//!     .await?;
//! let report = duck.finished().await;
//! # drop(report); Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! [`Lameduck::new`] first in `main`: it installs the signal handlers. [`Lameduck::wrap`] around
//! the router, or [`Lameduck::layer`] last on it, so that it is outermost but for tracing, CORS and
//! panic recovery; never both. It is one layer that holds three, outermost first: count, gate, context.
//!
//! Streams without an end of their own are told to end where they are made, else the stop waits for
//! them: a route of event streams with [`Lameduck::end_streams`], any stream with
//! [`Lameduck::until_drain`], a WebSocket with `drain::close_on_drain` and [`Lameduck::watch`].
//!
//! # Guarantees
//!
//! 1. A request that was accepted is answered to its last byte, or the report names it.
//! 2. A request that is turned away is told so, and that it may be sent again.
//! 3. The process exits within the sum of its windows and one second, whatever its peers do, and
//!    its handlers too, as long as one thread of the runtime gets to hear the signal.
//! 4. An idle server exits at the end of its lame-duck window.
//!
//! # Cost
//!
//! For each request two counter updates that no two threads share, one load of the phase and one
//! allocation, for the request id's header; `cargo xtask perf` prints it beside tower-http's.
//!
//! # What it does not do
//!
//! It cannot help a client that was told and does not listen, a supervisor that kills before the
//! windows are over, or a process all of whose threads are blocked when the signal comes: nobody is
//! left to hear it. A handler that blocks one thread costs only itself; a last resort ends the
//! process when the stop is over.
//!
//! # Feature flags
//!
//! - `axum` (default): [`Lameduck::serve`], on a loop of our own, and the extractors of the crates.
//! - `whole`: [`Lameduck`], without axum.
//! - `tonic`: `server::Listener::into_incoming`, for a tonic server.
//! - `websocket`: `drain::close_on_drain` for axum's WebSockets.
//! - `tls`: `server::Tls`, and `Lameduck::with_tls_reload`. With ring, if the process installs no
//!   other crypto provider.
//! - `client`: `context::OutboundLayer`, for calls that a handler makes.
//! - `context`, `drain`, `inflight`, `lifecycle`, `server`, `signal`: one crate each, re-exported.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

#[cfg(feature = "axum")]
mod adapt;
#[cfg(feature = "axum")]
mod app;
#[cfg(feature = "whole")]
mod duck;
#[cfg(feature = "axum")]
mod serve;
#[cfg(feature = "whole")]
mod streams;
#[cfg(all(feature = "tls", feature = "whole", unix))]
mod tls;
#[cfg(feature = "whole")]
mod wiring;

#[cfg(feature = "context")]
pub use lameduck_context as context;
pub use lameduck_core as core;
pub use lameduck_core::{Budget, Phase, PhaseWatch, StopTimeouts};
#[cfg(feature = "drain")]
pub use lameduck_drain as drain;
#[cfg(feature = "inflight")]
pub use lameduck_inflight as inflight;
#[cfg(feature = "lifecycle")]
pub use lameduck_lifecycle as lifecycle;
#[cfg(feature = "lifecycle")]
pub use lameduck_lifecycle::{Outcome, Report};
#[cfg(feature = "server")]
pub use lameduck_server as server;
#[cfg(feature = "signal")]
pub use lameduck_signal as signal;

#[cfg(feature = "axum")]
pub use self::app::{IntoService, WithConnectInfo, WrappedRouter};
#[cfg(feature = "whole")]
pub use self::{duck::Lameduck, wiring::LameduckLayer};
