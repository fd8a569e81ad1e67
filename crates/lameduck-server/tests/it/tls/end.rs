//! The end of a connection: what was sent arrives whole, and its client knows it.

use axum::{
    extract::ws::{Message as AxumMessage, WebSocket, WebSocketUpgrade},
    http::StatusCode,
    routing::post,
};
use futures_util::StreamExt as _;
use lameduck_server::ConnectionStage;
use tokio_tungstenite::client_async;

use super::*;

#[tokio::test]
async fn a_clean_end_says_so_and_the_connection_is_counted_until_then() {
    for is_own in [true, false] {
        let server = Secure::start(SocketOptions::new(), |tls| tls, plain, is_own).await;
        let mut client = server.connect(&["http/1.1"]).await;
        assert!(exchange(&mut client).await.ends_with("hello"));
        assert_eq!(server.duck.connections.count(), 1);
        server.duck.phase.publish(Phase::LameDuck);
        assert!(exchange(&mut client).await.contains("connection: close"));
        // Without close_notify this would be an error.
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        server.stop().await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_kept_and_its_end_is_clean() {
    for is_own in [true, false] {
        let options = sockets(|o| o.idle_grace = SHORT);
        let server = Secure::start(options, |tls| tls, plain, is_own).await;
        let mut client = server.connect(&["http/1.1"]).await;
        exchange(&mut client).await;
        let began = Instant::now();
        server.duck.phase.publish(Phase::Draining);
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        assert!(began.elapsed() >= SHORT, "it was held");
        assert_eq!(server.duck.connections.totals().idle_closed, 1);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_request_within_the_idle_grace_is_answered_and_its_client_notified() {
    for is_own in [true, false] {
        let server = Secure::start(SocketOptions::new(), |tls| tls, plain, is_own).await;
        let mut client = server.connect(&["http/1.1"]).await;
        exchange(&mut client).await;
        server.duck.phase.publish(Phase::Draining);
        within(server.duck.connections.listeners_closed()).await;
        assert!(exchange(&mut client).await.contains("connection: close"));
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_rejected_upload_reads_its_whole_answer() {
    const LEN: usize = 4 * 1024 * 1024;
    let refuse = async || (StatusCode::SERVICE_UNAVAILABLE, [(CONNECTION, "close")], "not now");
    let app = |_| Router::new().route("/", post(refuse));
    let server = Secure::run(SocketOptions::new(), app).await;
    for _ in 0..10 {
        let mut client = server.connect(&["http/1.1"]).await;
        let head = format!("POST / HTTP/1.1\r\nhost: duck\r\ncontent-length: {LEN}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        within(client.write_all(&vec![b'a'; LEN])).await.unwrap();
        let answer = String::from_utf8(read_to_end(&mut client).await.unwrap()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nnot now"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_response_that_no_client_has_read_counts_until_it_is_flushed() {
    const LEN: usize = 16 * 1024 * 1024;
    let app = |_| Router::new().route("/", get(async || vec![b'a'; LEN]));
    let server = Secure::run(SocketOptions::new(), app).await;
    let mut client = server.connect(&["http/1.1"]).await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: duck\r\nconnection: close\r\n\r\n").await.unwrap();
    while server.duck.connections.totals().bytes_out == 0 {
        tokio::task::yield_now().await;
    }
    server.duck.phase.publish(Phase::Draining);
    within(server.duck.connections.listeners_closed()).await;
    assert_eq!(server.duck.connections.count(), 1);
    assert!(read_to_end(&mut client).await.unwrap().len() > LEN);
    server.stop().await;
}

#[tokio::test]
async fn a_forced_end_does_not_look_clean() {
    for is_own in [true, false] {
        let app = |_| Router::new().route("/", get(std::future::pending::<()>));
        let server = Secure::start(SocketOptions::new(), |tls| tls, app, is_own).await;
        let mut client = server.connect(&["http/1.1"]).await;
        client.write_all(REQUEST).await.unwrap();
        while server.duck.connections.list()[0].stage != ConnectionStage::Request {
            tokio::task::yield_now().await;
        }
        server.duck.phase.publish(Phase::Draining);
        assert_eq!(server.duck.connections.abort_all(), 1);
        assert!(read_to_end(&mut client).await.is_err(), "a cut must not look like an end");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_websocket_that_its_handler_drops_ends_clean() {
    async fn goodbye(mut socket: WebSocket) {
        _ = socket.send(AxumMessage::text("goodbye")).await;
    }
    let app = |_| {
        let upgrade = get(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(goodbye) });
        Router::new().route("/", upgrade)
    };
    let server = Secure::run(SocketOptions::new(), app).await;
    let client = server.connect(&["http/1.1"]).await;
    let (mut client, _) = client_async("ws://duck/", client).await.unwrap();
    assert_eq!(within(client.next()).await.unwrap().unwrap().to_text().unwrap(), "goodbye");
    assert_eq!(read_to_end(client.get_mut()).await.unwrap(), b"");
    server.stop().await;
}
