//! What hyper does with a response that asks its client to leave.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use lameduck_drain::{DrainLayer, Phase, PhaseSender, phase_channel};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinSet,
};
use tower::{Layer, service_fn};

/// A connection to a server behind a drain. Its handler reads no request's body.
struct Client {
    sender: PhaseSender,
    io: DuplexStream,
    _server: JoinSet<()>,
}

impl Client {
    fn connect(phase: Phase) -> Self {
        let (sender, watch) = phase_channel();
        sender.publish(phase);
        let handler = service_fn(async |_: Request<Incoming>| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("handled"))))
        });
        let service = TowerToHyperService::new(DrainLayer::new(watch).layer(handler));
        let (io, theirs) = duplex(64 * 1024);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let io = TokioIo::new(theirs);
            http1::Builder::new().serve_connection(io, service).await.unwrap();
        });
        Self { sender, io, _server: server }
    }

    async fn get(&mut self) -> String {
        self.io.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"handled") {
            answer.push(self.io.read_u8().await.unwrap());
        }
        String::from_utf8(answer).unwrap().to_lowercase()
    }

    /// Everything up to the server's close.
    async fn rest(mut self) -> String {
        let mut answer = String::new();
        self.io.read_to_string(&mut answer).await.unwrap();
        answer.to_lowercase()
    }
}

#[tokio::test]
async fn a_connection_is_kept_while_running_and_closed_after_its_client_was_notified() {
    let mut client = Client::connect(Phase::Running);
    for _ in 0..3 {
        assert!(!client.get().await.contains("connection:"));
    }
    client.sender.publish(Phase::LameDuck);
    let last = client.get().await;
    assert_eq!(last.matches("connection: close\r\n").count(), 1, "{last}");
    assert_eq!(client.rest().await, "", "and then the connection is closed");
}

#[tokio::test]
async fn a_rejection_is_read_whole_before_its_connection_is_closed() {
    let mut client = Client::connect(Phase::Draining);
    let head = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello";
    client.io.write_all(head.as_bytes()).await.unwrap();
    let answer = client.rest().await;
    assert!(answer.starts_with("http/1.1 503 service unavailable\r\n"), "{answer}");
    assert_eq!(answer.matches("connection: close\r\n").count(), 1, "{answer}");
    assert_eq!(answer.matches("retry-after: ").count(), 1, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["code"], "draining");
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_rejected_before_it_sends_its_body() {
    let mut client = Client::connect(Phase::Draining);
    let head = "POST / HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    client.io.write_all(head.as_bytes()).await.unwrap();
    assert!(client.rest().await.starts_with("http/1.1 503 "));
}
