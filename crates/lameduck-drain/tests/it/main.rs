//! What users of the drain get.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

mod farewell;
mod gradual;
mod health;
mod hostile;
mod laws;
mod refusal;
mod server;
mod support;
