//! Connections that are held at one point of a request of the contract.

use std::{net::SocketAddr, time::Duration};

use super::plans;
use crate::{Held, HeldAt, HeldWebSocket};

/// A connection on which no byte was sent yet. It will ask `GET /`.
pub async fn silent_connection(addr: SocketAddr) -> Held {
    Held::open(addr, plans::index(), HeldAt::Connected).await
}

/// A connection on which half of the head of `GET /` was sent.
pub async fn half_head(addr: SocketAddr) -> Held {
    Held::open(addr, plans::index(), HeldAt::HalfHead).await
}

/// A connection on which the head and half of the body of an upload were sent.
pub async fn half_body(addr: SocketAddr) -> Held {
    let body: String = (b'a'..=b'z').map(char::from).collect();
    let plan = plans::upload(vec![body.into()], Duration::ZERO, true);
    Held::open(addr, plan, HeldAt::HalfBody).await
}

/// A connection on which `GET /slow` was sent, with `handler` as its time, and nothing was read.
pub async fn sent_request(addr: SocketAddr, handler: Duration) -> Held {
    let ms = u64::try_from(handler.as_millis()).unwrap_or(u64::MAX);
    Held::open(addr, plans::slow(ms), HeldAt::Sent).await
}

/// A connection on which `GET /download` was sent. Nothing is read before [`Held::finish`].
pub async fn unread_download(addr: SocketAddr, bytes: u64) -> Held {
    Held::open(addr, plans::download(bytes), HeldAt::Sent).await
}

/// An idle connection: one `GET /` was answered on it, and the next was not sent.
pub async fn idle_connection(addr: SocketAddr) -> Held {
    Held::open(addr, plans::index(), HeldAt::Idle).await
}

/// `count` connections on which `GET /` was sent, whether or not the server accepts them.
///
/// The listener's accept queue must be that long: a connection that finds no room in it is refused
/// after 3 s. tokio's `TcpListener::bind` makes a queue of 128 on Linux, and `TcpSocket::listen`
/// takes the length.
pub async fn burst_in_accept_queue(addr: SocketAddr, count: usize) -> Vec<Held> {
    Held::open_many(addr, &plans::index(), HeldAt::Sent, count).await
}

/// A WebSocket on `/ws` that is open, and on which one message was echoed.
pub async fn open_web_socket(addr: SocketAddr) -> HeldWebSocket {
    HeldWebSocket::open(addr, plans::web_socket()).await
}
