//! How a WebSocket may end.

use axum::{
    Router,
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    routing::get,
};
use futures_util::{SinkExt, StreamExt};
use lameduck_drill::{LossReason, Outcome, open_web_socket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};

use super::server::{Server, Then};

/// How a server ends a WebSocket.
#[derive(Clone, Copy)]
enum End {
    Cut,
    WithoutCode,
    Code(u16),
}

/// Opens a WebSocket on a server that echoes once and then ends it, with a close frame or without.
async fn check(end: End, expected: Outcome) {
    let server = Server::start(async move |listener: TcpListener| {
        let upgrade = async move |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async move |mut socket: WebSocket| {
                if let Some(Ok(message)) = socket.recv().await {
                    let _ = socket.send(message).await;
                }
                let frame = match end {
                    End::Cut => return,
                    End::WithoutCode => None,
                    End::Code(code) => Some(CloseFrame { code, reason: "".into() }),
                };
                let _ = socket.send(Message::Close(frame)).await;
                while let Some(Ok(_)) = socket.recv().await {}
            })
        };
        let _ = axum::serve(listener, Router::new().route("/ws", get(upgrade))).await;
    })
    .await;
    assert_eq!(open_web_socket(server.addr).await.closed().await, expected);
}

#[tokio::test]
async fn a_web_socket_that_is_closed_with_code_1000_1001_or_1012_is_answered() {
    for code in [1000, 1001, 1012] {
        check(End::Code(code), Outcome::Answered).await;
    }
}

#[tokio::test]
async fn a_web_socket_that_is_closed_for_an_error_is_lost() {
    check(End::Code(1011), Outcome::Lost(LossReason::WrongCloseCode(1011))).await;
}

#[tokio::test]
async fn a_web_socket_that_the_server_closes_without_a_code_is_lost() {
    check(End::WithoutCode, Outcome::Lost(LossReason::NoCloseCode)).await;
}

#[tokio::test]
async fn a_server_may_confirm_a_close_frame_without_a_code() {
    let server = Server::start(async |listener: TcpListener| {
        let Ok((stream, _)) = listener.accept().await else { return };
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        if let Some(Ok(message)) = socket.next().await {
            let _ = socket.send(message).await;
        }
        // Written to the socket directly, because the library would send the code back.
        let stream = socket.get_mut();
        let _ = stream.read(&mut [0; 64]).await;
        let _ = stream.write_all(&[0x88, 0]).await;
    })
    .await;
    assert_eq!(open_web_socket(server.addr).await.close().await, Outcome::Answered);
}

#[tokio::test]
async fn a_web_socket_that_is_cut_is_lost() {
    check(End::Cut, Outcome::Lost(LossReason::NoCloseFrame)).await;
}

#[tokio::test]
async fn a_web_socket_that_the_server_rejects_is_rejected() {
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
        let app = lameduck_drill::app(move || {
            let mut stopping = stopping.clone();
            async move {
                let _ = stopping.wait_for(|stop| *stop).await;
            }
        });
        let _ = axum::serve(listener, app).await;
    })
    .await;
    let socket = open_web_socket(server.addr).await;
    let running = lameduck_drill::Oracle::new(server.addr)
        .with_client(lameduck_drill::Kind::Sse, 4)
        .with_client(lameduck_drill::Kind::WebSocket, 4)
        .start();
    running.each_scenario_answered().await;
    stop.send_replace(true);
    assert_eq!(socket.closed().await, Outcome::Answered);
    let verdict = running.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
}
