//! What the crate page promises, one sentence a test.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not `#[test]` functions themselves")]

#[cfg(unix)]
mod process;
mod triggers;
