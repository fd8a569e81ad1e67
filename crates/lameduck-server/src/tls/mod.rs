//! TLS by rustls: handshakes in the task of their connection, a clean end, and certificates that
//! can be replaced.

mod config;
mod error;
mod listener;
mod pem;
mod returning;
mod socket;

pub use self::{config::Tls, error::TlsError, listener::TlsListener, socket::TlsSocket};
