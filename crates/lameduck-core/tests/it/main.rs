//! What users of the core get.
#![allow(missing_docs, reason = "tests are named by sentences")]

mod answer;
mod machine;
mod watch;
mod windows;
