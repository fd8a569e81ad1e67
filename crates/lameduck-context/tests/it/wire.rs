//! What a client sees on a real connection.

use std::time::Duration;

use axum::{Router, body::Body, routing::get};
use lameduck_context::ContextLayer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{data, fed};

/// Sends one request over TCP and reads until the server closes.
async fn ask_over_tcp(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    #[expect(clippy::disallowed_methods, reason = "a server to ask")]
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nx-request-id: mine\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await.expect("sent");
    let mut answer = Vec::new();
    // A truncated answer may end with a reset.
    let _ = connection.read_to_end(&mut answer).await;
    server.abort();
    String::from_utf8(answer).expect("UTF-8")
}

#[tokio::test]
async fn a_truncated_answer_is_seen_as_truncated() {
    let stream = || async {
        let (feed, body) = fed();
        feed.send(data("part")).expect("open");
        std::mem::forget(feed);
        Body::new(body)
    };
    let layer = ContextLayer::new()
        .with_options(|options| options.timeouts.body = Some(Duration::from_millis(20)));
    let app = Router::new().route("/", get(stream)).layer(layer);
    let answer = ask_over_tcp(app).await;
    assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
    assert!(answer.contains("part"), "{answer}");
    assert!(!answer.ends_with("0\r\n\r\n"), "it says that it is complete: {answer}");
}

#[tokio::test]
async fn a_complete_answer_keeps_its_length_and_carries_the_id() {
    let layer = ContextLayer::new()
        .with_timeout(Duration::from_secs(10))
        .with_options(|options| options.timeouts.body = Some(Duration::from_secs(10)));
    let app = Router::new().route("/", get(|| async { "hello" })).layer(layer);
    let answer = ask_over_tcp(app).await;
    assert!(answer.contains("content-length: 5\r\n"), "{answer}");
    assert!(answer.contains("x-request-id: mine\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_on_the_wire() {
    let layer = ContextLayer::new().with_timeout(Duration::from_millis(20));
    let app = Router::new().route("/", get(std::future::pending::<&str>)).layer(layer);
    let answer = ask_over_tcp(app).await;
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{answer}");
    assert!(answer.contains(r#""request_id":"mine""#), "{answer}");
}
