//! What a client receives while one server stops and the next one starts.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use lameduck_test_support::TestServer;
use tokio::time::{sleep, timeout};

const BOUND: Duration = Duration::from_secs(20);

async fn start(addr: &str) -> TestServer {
    let args = ["--lame-duck", "200", "--addr", addr];
    TestServer::start(env!("CARGO_BIN_EXE_sse-ticker"), args).await
}

/// As much of an `EventSource` as the test needs.
struct EventSource {
    addr: SocketAddr,
    client: Client<HttpConnector, Empty<Bytes>>,
    last_id: String,
    retry: Option<Duration>,
    /// The data of all events.
    received: Vec<String>,
}

impl EventSource {
    fn new(addr: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { addr, client, last_id: String::new(), retry: None, received: Vec::new() }
    }

    async fn open(&self) -> Incoming {
        let request = Request::get(format!("http://{}/ticks", self.addr))
            .header("last-event-id", &self.last_id)
            .body(Empty::new())
            .unwrap();
        let response = timeout(BOUND, self.client.request(request)).await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body()
    }

    /// Reads until there are `count` events, or to the end of the stream, which must be clean.
    async fn receive(&mut self, body: &mut Incoming, count: usize) {
        let mut text = String::new();
        while self.received.len() < count {
            let Some(frame) = timeout(BOUND, body.frame()).await.unwrap() else { break };
            text.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
            while let Some((event, rest)) = text.split_once("\n\n") {
                self.on_event(event);
                text = rest.to_owned();
            }
        }
        assert!(text.is_empty(), "an event is cut: {text}");
    }

    fn on_event(&mut self, event: &str) {
        for line in event.lines() {
            match line.split_once(": ").unwrap() {
                ("id", id) => self.last_id = id.to_owned(),
                ("data", data) => self.received.push(data.to_owned()),
                ("retry", ms) => self.retry = Some(Duration::from_millis(ms.parse().unwrap())),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_client_misses_no_tick_between_one_server_and_the_next() {
    let first = start("127.0.0.1:0").await;
    let mut source = EventSource::new(first.addr());
    let mut body = source.open().await;
    source.receive(&mut body, 3).await;
    assert_eq!(source.retry, None);
    first.terminate();
    source.receive(&mut body, usize::MAX).await;
    let retry = source.retry.expect("the stream ended without `retry:`");
    first.stopped().await.assert_clean();

    let second = start(&source.addr.to_string()).await;
    sleep(retry).await;
    let before = source.received.len();
    let mut body = source.open().await;
    source.receive(&mut body, before + 3).await;
    let all: Vec<_> = (1..=source.received.len()).map(|tick| format!("tick {tick}")).collect();
    assert_eq!(source.received, all);
    drop(body);
    second.terminate();
    second.stopped().await.assert_clean();
}

#[tokio::test]
async fn many_streams_end_at_once_and_the_exit_does_not_wait_for_its_timeout() {
    let server = start("127.0.0.1:0").await;
    let mut sources: Vec<_> = (0..32).map(|_| EventSource::new(server.addr())).collect();
    let mut bodies = Vec::new();
    for source in &mut sources {
        let mut body = source.open().await;
        source.receive(&mut body, 1).await;
        bodies.push(body);
    }
    server.terminate();
    for (source, body) in sources.iter_mut().zip(&mut bodies) {
        source.receive(body, usize::MAX).await;
        assert!(source.retry.is_some());
    }
    let stopped = server.stopped().await;
    stopped.assert_clean();
    let drained = stopped.number("shutdown.completed", "elapsed_ms")
        - stopped.number("drain.started", "elapsed_ms");
    // The drain may take 15 s. The clients keep their connections and were never asked to close
    // them, so the server keeps these open for 2 s without a request.
    assert!(drained < 4_000, "{drained} ms");
}
