//! What users of the drain get.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

mod farewell;
mod gradual;
#[cfg(feature = "stream")]
mod grpc;
mod health;
mod hostile;
mod laws;
mod refusal;
#[cfg(feature = "stream")]
mod route;
mod server;
#[cfg(feature = "stream")]
mod streams;
mod support;
#[cfg(all(feature = "axum", feature = "tungstenite"))]
mod websocket;
