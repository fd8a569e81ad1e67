//! HTTP/1.1 over a raw socket: it knows exactly what was sent and how the connection ended.

mod conn;
mod head;

pub(super) use self::{
    conn::Conn,
    head::{Framing, Head},
};
