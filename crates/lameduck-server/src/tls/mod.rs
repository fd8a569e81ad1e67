//! TLS by rustls: a handshake that holds up nobody, a clean end, and certificates that change.

mod config;
mod error;
mod listener;
mod pem;
mod returning;
mod socket;

pub use self::{config::Tls, error::TlsError, listener::TlsListener, socket::TlsSocket};
