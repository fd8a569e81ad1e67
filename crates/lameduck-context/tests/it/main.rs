//! What the layers of this crate promise, one sentence a test.

#[cfg(feature = "axum")]
mod axum;
mod body;
mod cancel;
mod children;
mod context;
mod counts;
mod finish;
mod grace;
mod ids;
mod inbound;
mod laws;
mod phase;
mod properties;
mod reuse;
mod sizes;
mod support;
mod timeout;
mod trace;
mod values;
mod wire;
