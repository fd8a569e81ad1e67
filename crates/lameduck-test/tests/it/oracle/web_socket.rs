//! How a WebSocket may end.

use std::time::Duration;

use axum::{
    Router,
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    routing::get,
};
use lameduck_test::{LossReason, Outcome, open_web_socket};
use tokio::{net::TcpListener, sync::watch};

use super::server::{Server, Then};

/// Asks a server that echoes once and then ends the WebSocket: with a close frame, or without.
async fn check(code: Option<u16>, expected: Outcome) {
    let server = Server::start(async move |listener: TcpListener| {
        let upgrade = async move |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async move |mut socket: WebSocket| {
                if let Some(Ok(message)) = socket.recv().await {
                    let _ = socket.send(message).await;
                }
                if let Some(code) = code {
                    let frame = CloseFrame { code, reason: "".into() };
                    let _ = socket.send(Message::Close(Some(frame))).await;
                    while let Some(Ok(_)) = socket.recv().await {}
                }
            })
        };
        let _ = axum::serve(listener, Router::new().route("/ws", get(upgrade))).await;
    })
    .await;
    assert_eq!(open_web_socket(server.addr).await.closed().await, expected);
}

#[tokio::test]
async fn a_web_socket_that_is_closed_with_a_reason_to_go_elsewhere_is_answered() {
    for code in [1000, 1001, 1012] {
        check(Some(code), Outcome::Answered).await;
    }
}

#[tokio::test]
async fn a_web_socket_that_is_closed_for_an_error_is_lost() {
    check(Some(1011), Outcome::Lost(LossReason::WrongCloseCode(1011))).await;
}

#[tokio::test]
async fn a_web_socket_that_is_cut_is_lost() {
    check(None, Outcome::Lost(LossReason::NoCloseFrame)).await;
}

#[tokio::test]
async fn a_web_socket_that_is_turned_away_is_rejected() {
    let answer = "HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let server = Server::answering([(answer, Then::Close)]).await;
    assert_eq!(open_web_socket(server.addr).await.closed().await, Outcome::Rejected);
}

#[tokio::test]
async fn an_upgrade_with_another_key_is_lost() {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                  upgrade: websocket\r\nsec-websocket-accept: bm8=\r\n\r\n";
    let server = Server::answering([(answer, Then::Keep)]).await;
    let expected = Outcome::Lost(LossReason::Malformed("another Sec-WebSocket-Accept"));
    assert_eq!(open_web_socket(server.addr).await.closed().await, expected);
}

#[tokio::test]
async fn streams_of_the_app_end_cleanly_when_the_server_stops() {
    let (stop, stopping) = watch::channel(false);
    let server = Server::start(async |listener: TcpListener| {
        let app = lameduck_test::app(move || {
            let mut stopping = stopping.clone();
            async move {
                let _ = stopping.wait_for(|stop| *stop).await;
            }
        });
        let _ = axum::serve(listener, app).await;
    })
    .await;
    let socket = open_web_socket(server.addr).await;
    let running = lameduck_test::Oracle::new(server.addr)
        .with_client(lameduck_test::Kind::Sse, 4)
        .with_client(lameduck_test::Kind::WebSocket, 4)
        .start();
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.send_replace(true);
    assert_eq!(socket.closed().await, Outcome::Answered);
    let verdict = running.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
}
