//! Each connection by itself: when its client is notified, and when it is closed.

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::*;

#[tokio::test]
async fn an_idle_client_that_speaks_while_draining_is_served_and_notified() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.run(hello(duck.watch())).await;
    let mut clients = Vec::new();
    for ms in [0, 2, 50, 500] {
        let mut client = TcpStream::connect(addr).await.unwrap();
        assert!(!exchange(&mut client).await.contains("connection: close"));
        clients.push((Duration::from_millis(ms), client));
    }
    duck.phase.publish(Phase::Draining);
    let began = Instant::now();
    for (at, mut client) in clients {
        tokio::time::sleep_until(began + at).await;
        let answer = exchange(&mut client).await;
        assert!(answer.contains("200 OK") && answer.contains("connection: close"), "{answer}");
    }
    within(server).await.unwrap();
    assert_eq!(duck.connections.totals().idle_closed, 0);
}

#[tokio::test]
async fn a_busy_client_does_not_delay_the_close_of_an_idle_one() {
    let duck = Duck::new(sockets(|o| o.idle_grace = SHORT));
    // No client is notified.
    let (addr, server) = duck.run(Router::new().route("/", get(|| async { "hello" }))).await;
    let mut silent = TcpStream::connect(addr).await.unwrap();
    let mut talks = TcpStream::connect(addr).await.unwrap();
    exchange(&mut silent).await;
    exchange(&mut talks).await;
    duck.phase.publish(Phase::Draining);
    let began = Instant::now();
    let talk = async {
        for _ in 0..20 {
            sleep(SHORT / 10).await;
            exchange(&mut talks).await;
        }
        began.elapsed()
    };
    let (end, bytes) = (async { (read_to_end(&mut silent).await, began.elapsed()) }, talk);
    let ((closed, closed_after), talked_for) = futures_util::future::join(end, bytes).await;
    assert!(closed.unwrap().is_empty());
    assert!(closed_after >= SHORT && closed_after < talked_for, "{closed_after:?}");
    assert!(read_to_end(&mut talks).await.unwrap().is_empty());
    within(server).await.unwrap();
    assert_eq!(duck.connections.totals().idle_closed, 2);
}

#[tokio::test]
async fn a_request_that_is_not_read_yet_is_served_before_its_connection_is_closed() {
    let duck = Duck::new(sockets(|o| o.idle_grace = Duration::ZERO));
    let (addr, server) = duck.run(hello(duck.watch())).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = TcpStream::connect(addr).await.unwrap();
        exchange(&mut client).await;
        clients.push(client.into_std().unwrap());
    }
    for client in &mut clients {
        client.write_all(REQUEST).unwrap();
    }
    // The one thread of the runtime was busy with this test: no connection has read it.
    duck.phase.publish(Phase::Draining);
    for client in clients {
        let answer = read_answer(&mut into_tokio(client)).await.unwrap();
        assert!(answer.contains("200 OK") && answer.contains("connection: close"), "{answer}");
    }
    within(server).await.unwrap();
}

/// A client that holds a stop holds it until its grace is over and no longer.
async fn check_grace(bytes: &[u8]) {
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = LONG;
        o.first_byte_grace = SHORT;
    }));
    let (addr, server) = duck.run(hello(duck.watch())).await;
    let mut client = into_tokio(connect_and_send(addr, bytes));
    let mut completes = into_tokio(connect_and_send(addr, bytes));
    while duck.connections.list().iter().filter(|c| c.bytes_in >= bytes.len() as u64).count() < 2 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    completes.write_all(REQUEST.strip_prefix(bytes).unwrap()).await.unwrap();
    assert!(read_answer(&mut completes).await.unwrap().contains("200 OK"));
    within(server).await.unwrap();
    assert!(began.elapsed() >= SHORT);
    _ = read_to_end(&mut client).await;
}

#[tokio::test]
async fn a_connection_without_a_byte_ends_after_its_grace() {
    check_grace(b"").await;
}

#[tokio::test]
async fn half_a_head_ends_after_its_grace() {
    check_grace(&REQUEST[..20]).await;
}

#[tokio::test]
async fn first_bytes_of_no_known_protocol_end_after_their_grace() {
    for bytes in [&b"P"[..], b"PRI *", b"PRI * HTTP/2.0\r\n\r\nSM"] {
        let duck = Duck::new(sockets(|o| o.first_byte_grace = SHORT));
        let (addr, server) = duck.run(hello(duck.watch())).await;
        let _client = connect_and_send(addr, bytes);
        duck.phase.publish(Phase::Draining);
        within(server).await.unwrap();
    }
}

#[tokio::test]
async fn two_hundred_in_the_accept_queue_are_answered() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.run(hello(duck.watch())).await;
    let clients: Vec<_> = (0..200).map(|_| connect_and_send(addr, REQUEST)).collect();
    duck.phase.publish(Phase::Draining);
    for client in clients {
        assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("200 OK"));
    }
    within(server).await.unwrap();
    assert_refused(addr).await;
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn the_server_ends_when_its_last_websocket_does() {
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = SHORT;
        o.first_byte_grace = SHORT;
    }));
    let app = Router::new()
        .route("/", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) }));
    let (addr, server) = duck.run(app).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut client, _) = client_async("ws://duck/", tcp).await.unwrap();
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    sleep(2 * SHORT).await; // longer than any hold or grace
    assert!(!server.is_finished());
    client.send(Message::text("quack")).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), Message::text("quack"));
    client.close(None).await.unwrap();
    within(server).await.unwrap();
    assert_eq!(duck.connections.count(), 0);
}

#[tokio::test]
async fn a_later_head_that_trickles_ends_after_its_grace_too() {
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = LONG;
        o.first_byte_grace = SHORT;
    }));
    let (addr, server) = duck.run(hello(duck.watch())).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    exchange(&mut client).await;
    duck.phase.publish(Phase::Draining);
    client.write_all(REQUEST.split_at(20).0).await.unwrap();
    let trickle = spawn(async move {
        while client.write_all(b"a").await.is_ok() {
            sleep(SHORT / 8).await;
        }
    });
    within(server).await.unwrap();
    within(trickle).await.unwrap();
}
