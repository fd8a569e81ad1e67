//! What users of the core get.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

mod answer;
mod machine;
mod stop_timeouts;
mod watch;
