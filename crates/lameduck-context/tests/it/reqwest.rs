//! reqwest's client, over a real socket.

use std::time::Duration;

use lameduck_context::{CancelReason, ContextLayer, OutboundLayer};
use reqwest::{Client, Request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{Layer, ServiceExt};

use crate::support::{Left, ask_with, handler, hello};

/// Reads the head of a request.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("more"));
    }
    String::from_utf8(head).expect("ASCII")
}

#[tokio::test]
async fn a_call_of_reqwest_carries_its_deadline_and_ends_at_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let left = Left::new();
    let theirs = left.clone();
    // A second, so that a slow machine sends both calls in time.
    let service =
        ContextLayer::new().with_timeout(Duration::from_secs(1)).layer(handler(move |_| {
            let (url, theirs) = (url.clone(), theirs.clone());
            async move {
                let client =
                    OutboundLayer::new().for_requests(Request::headers_mut).layer(Client::new());
                let get = || Client::new().get(&url).build().expect("a request");
                let answer = client.clone().oneshot(get()).await.expect("answered");
                assert_eq!(answer.text().await.expect("text"), "hello");
                let error = client.oneshot(get()).await.expect_err("never answered");
                theirs.leave((error.reason(), error.is_not_sent()));
                hello()
            }
        }));
    let server = async {
        let (mut first, _) = listener.accept().await.expect("a client");
        let received = head(&mut first).await;
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
        first.write_all(answer.as_bytes()).await.expect("written");
        let (mut second, _) = listener.accept().await.expect("a client");
        head(&mut second).await;
        // Until the client closes it.
        let end = second.read_u8().await;
        assert!(end.is_err(), "more than a head: {end:?}");
        received
    };
    let request = ask_with("x-request-id", "mine");
    let (response, received) = tokio::join!(service.oneshot(request), server);
    assert_eq!(response.expect("infallible").status(), 200);
    assert_eq!(left.take(), (Some(CancelReason::DeadlineExceeded), false));
    let value = |name| {
        let lines = received.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| *found == name).map(|(_, value)| value.to_owned()).next()
    };
    assert_eq!(value("x-request-id").as_deref(), Some("mine"));
    let millis: u64 = value("x-request-timeout-ms").expect("received").parse().expect("a number");
    assert!((1..=980).contains(&millis), "{millis}");
}
