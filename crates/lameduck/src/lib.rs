//! Stops an axum, tonic or hyper server without losing a request, in three lines.
//!
//! A *lame duck* is a server that still serves and asks its clients to leave. Stock servers skip
//! this phase, so every deployment cuts requests: those in the accept queue, those on idle
//! connections whose client was not notified, and those whose handler still runs when the process
//! ends. [`Lameduck`] connects the crates below, each of which works alone.
//!
//! # Example
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use lameduck::Lameduck;
//!
//! #[tokio::main]
//! async fn main() -> std::process::ExitCode {
//!     let duck = Lameduck::builder().on_stop("database", async || { /* close it */ }).build();
//!     let app = duck.wrap(Router::new().route("/", get(async || "hello"))); // and /livez, /readyz
//!     duck.serve("0.0.0.0:8080", app).await.into() // 0 clean, 1 forced, 2 not started
//! }
//! ```
//!
//! Or piece by piece, on a stock server:
//!
//! ```no_run
//! # use axum::{Router, routing::get};
//! # use lameduck::Lameduck;
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<std::process::ExitCode> {
//! let duck = Lameduck::new();
//! let app = Router::new().route("/", get(async || "hello"));
//! let app = app.merge(duck.probes()).layer(duck.layer());
//! let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
//! axum::serve(duck.axum_listener(listener), app)
//!     .with_graceful_shutdown(duck.shutdown_signal())
//!     .await?;
//! Ok(duck.finished().await.into()) // the exit code
//! # }
//! ```
//!
//! # Where to put it
//!
//! [`LameduckBuilder::build`] first in `main`: it installs the signal handlers. [`Lameduck::wrap`]
//! around the router, or [`Lameduck::layer`] last on it, so that only tracing, CORS and panic
//! recovery are outside of it. Never both. It is one layer of three, outermost first: the count,
//! the drain, the context.
//!
//! Streams without an end of their own opt in to the stop, else the stop waits for them: a route of
//! event streams with [`Lameduck::end_streams`], any stream with [`Lameduck::until_drain`], a
//! WebSocket with `drain::close_on_drain` and [`Lameduck::watch`].
//!
//! # Guarantees
//!
//! 1. A request that was accepted is answered to its last byte, or the report names it.
//! 2. A request that is rejected says so, and that the client may send it again.
//! 3. The process exits within the sum of its stop timeouts and two seconds, whatever its peers and
//!    its handlers do.
//! 4. An idle server exits at the end of its lame duck.
//!
//! # Cost
//!
//! For each request two counter updates without contention, one load of the phase and one
//! allocation, for the header with the request id. `cargo xtask perf` measures it beside
//! tower-http.
//!
//! # What it does not do
//!
//! It cannot help a client that ignores the notification, or a process that its supervisor kills
//! before the stop timeouts are over. A handler that blocks a thread cannot be dropped: the
//! watchdog ends the process when the time of the stop is over, with what other handlers still do.
//!
//! # Feature flags
//!
//! - `axum` (default): [`Lameduck::serve`], on a server of our own, and the extractors of the
//!   crates.
//! - `env` (default): [`StopTimeouts::from_env`]. `serde`: [`StopTimeouts`] in a configuration
//!   file.
//! - `whole`: [`Lameduck`], without axum.
//! - `tonic`: `server::Listener::into_incoming`, for a tonic server.
//! - `websocket`: `drain::close_on_drain` for the WebSockets of axum.
//! - `tls`: `server::Tls`, and `LameduckBuilder::with_tls_reload`. With ring, if the process
//!   installs no other crypto provider.
//! - `client`: `context::OutboundLayer`, for calls that a handler makes.
//! - `context`, `drain`, `inflight`, `lifecycle`, `server`, `signal`: one crate each, re-exported.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

#[cfg(feature = "axum")]
mod adapted;
#[cfg(feature = "whole")]
mod builder;
#[cfg(feature = "axum")]
mod into_service;
#[cfg(feature = "whole")]
mod lameduck;
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
pub use self::into_service::{IntoService, WithConnectInfo, WrappedRouter};
#[cfg(feature = "whole")]
pub use self::{builder::LameduckBuilder, lameduck::Lameduck, wiring::LameduckLayer};
