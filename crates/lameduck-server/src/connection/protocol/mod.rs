//! What the bytes of a connection show. All of this is pure: no IO, no clock, no atomics.
//!
//! [`Observer`] follows what a socket carries, under any server. An own server also knows what
//! hyper has parsed: [`Opening`] and [`Exchange`] apply the same rules to that.

mod close_header;
mod connect;
#[cfg(feature = "serve")]
mod exchange;
mod first_head;
mod observer;
#[cfg(feature = "serve")]
mod opening;

pub(crate) use self::observer::{Observer, Read, Written};
#[cfg(feature = "serve")]
pub(crate) use self::{close_header::has_close, exchange::Exchange, opening::Opening};

/// HTTP/2's connection preface.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether an answer with this status ends HTTP on its connection: a switch of protocols, or a
/// tunnel that was asked for by `CONNECT` and is open.
const fn is_switch(is_connect: bool, status: u16) -> bool {
    status == 101 || (is_connect && status / 100 == 2)
}
