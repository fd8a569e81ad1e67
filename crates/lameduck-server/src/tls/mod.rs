//! TLS by rustls: a handshake that holds up nobody, a clean end, and certificates that change.

mod config;
mod error;
mod lent;
mod pem;
mod socket;
mod source;

pub use self::{config::Tls, error::TlsError, socket::TlsSocket, source::TlsSource};
