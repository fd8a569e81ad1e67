//! What users of a lifecycle get, on a paused clock.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

mod errors;
mod exit;
mod hooks;
mod log;
mod phases;
mod subscribers;

mod support;
