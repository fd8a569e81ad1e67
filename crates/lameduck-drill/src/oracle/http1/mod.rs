//! HTTP/1.1 over a raw socket: exact about what was sent, and about how the connection ends.

mod body;
mod conn;
mod head;

pub(super) use self::{
    conn::Conn,
    head::{Framing, Head},
};
