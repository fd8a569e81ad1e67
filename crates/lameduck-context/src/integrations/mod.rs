//! Glue for other libraries, each behind the feature of its name.

#[cfg(feature = "axum")]
pub(crate) mod axum;
#[cfg(feature = "tower-http")]
pub(crate) mod tower_http;
#[cfg(feature = "tracing")]
pub(crate) mod tracing;
