//! A lifecycle that cannot be started.

use std::fmt;

/// A lifecycle that cannot be started. Says what is wrong, with its value, and what to write
/// instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleError {
    message: String,
}

impl LifecycleError {
    pub(crate) const fn new(message: String) -> Self {
        Self { message }
    }
}

impl fmt::Display for LifecycleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LifecycleError {}
