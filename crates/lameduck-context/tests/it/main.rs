//! What the layers of this crate promise, one sentence a test.

#[cfg(feature = "axum")]
mod axum;
mod body;
mod cancel;
mod context;
mod finish;
mod grace;
mod ids;
mod laws;
mod phase;
mod reuse;
mod sizes;
mod support;
mod timeout;
mod wire;
