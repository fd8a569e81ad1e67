//! Connections that were switched to another protocol.

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use futures_util::{SinkExt as _, StreamExt as _};
use lameduck_server::ConnectionStage;
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::*;

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_websocket_counts_until_it_is_closed_and_does_not_hold_the_signal() {
    let long = Duration::from_secs(60);
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = long;
        o.first_byte_grace = long;
    }));
    let app = Router::new()
        .route("/", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) }));
    let (addr, server) = duck.serve(app).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut client, _) = client_async("ws://duck/", tcp).await.unwrap();
    client.send(Message::text("quack")).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), Message::text("quack"));
    assert_eq!(duck.connections.list()[0].stage, ConnectionStage::Upgraded);

    duck.phase.publish(Phase::Draining);
    // axum does not see the connection any more and ends.
    within(server).await.unwrap().unwrap();
    assert_eq!(duck.connections.count(), 1);
    client.send(Message::text("still here")).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap(), Message::text("still here"));

    client.close(None).await.unwrap();
    within(duck.connections.all_closed()).await;
}

#[tokio::test]
async fn force_reaches_a_websocket() {
    let duck = Duck::new(SocketOptions::new());
    let app = Router::new()
        .route("/", get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) }));
    let (addr, _server) = duck.serve(app).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut client, _) = client_async("ws://duck/", tcp).await.unwrap();
    assert_eq!(duck.connections.abort_all(), 1);
    within(duck.connections.all_closed()).await;
    assert!(!matches!(within(client.next()).await, Some(Ok(_))));
}
