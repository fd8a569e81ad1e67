//! What the project's examples share: how they read their arguments, and how their tests start and
//! stop them.
#![forbid(unsafe_code)]

mod arguments;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod stopped;

pub use self::arguments::{Arguments, announce};
#[cfg(unix)]
pub use self::{server::TestServer, stopped::Stopped};
