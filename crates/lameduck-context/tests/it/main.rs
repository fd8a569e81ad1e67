//! The guarantees of this crate, one sentence for each test.

#[cfg(feature = "axum")]
mod axum;
mod body;
mod cancel;
mod children;
#[cfg(feature = "client")]
mod client;
mod context;
mod counts;
mod finish;
mod grace;
mod ids;
mod inbound;
mod laws;
mod nested;
mod phase;
mod properties;
#[cfg(feature = "client")]
mod reqwest;
mod reuse;
mod sizes;
mod support;
mod timeout;
#[cfg(feature = "tower-http")]
mod tower_http;
mod trace;
#[cfg(feature = "tracing")]
mod tracing;
mod values;
mod wire;
