//! The sockets that can be listened on and accepted, and what the system offers for them.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod sock_diag;
mod source;
mod sys;
mod tcp;
#[cfg(unix)]
mod unix;

#[cfg(any(feature = "tls", all(test, target_os = "linux")))]
pub(crate) use self::source::sealed;
pub use self::source::{Socket, Source};
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) use self::sys::set_option;
pub(crate) use self::{
    source::{Accepted, is_connection_error},
    sys::Handle,
    tcp::configure,
};
