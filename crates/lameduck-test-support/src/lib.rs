//! What the tests of the project's examples share: the real binary of a server, its signals, its
//! log.
#![forbid(unsafe_code)]

mod example;
#[cfg(unix)]
mod server;

pub use self::example::ExampleArgs;
#[cfg(unix)]
pub use self::server::{Stopped, TestServer};
