//! The sockets that listen and connect, and the system calls for them.

mod accept;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod sock_diag;
mod sys;
mod tcp;
mod traits;
#[cfg(unix)]
mod unix;

#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) use self::sys::set_option;
#[cfg(any(feature = "tls", all(test, target_os = "linux")))]
pub(crate) use self::traits::sealed;
pub use self::traits::{Socket, SocketListener};
pub(crate) use self::{
    sys::Handle,
    tcp::configure,
    traits::{Accepted, is_connection_error},
};
