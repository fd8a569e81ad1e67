//! What the drain promises, one sentence for each test.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

mod close_header;
mod gradual;
#[cfg(feature = "stream")]
mod grpc;
mod health;
mod hostile;
mod laws;
mod rejection;
#[cfg(feature = "stream")]
mod route;
mod server;
#[cfg(feature = "stream")]
mod streams;
mod support;
#[cfg(all(feature = "axum", feature = "tungstenite"))]
mod websocket;
