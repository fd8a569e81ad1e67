//! What hyper does with a response, and what the count makes of it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use lameduck_inflight::{InFlight, InFlightLayer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinSet,
};
use tower::{Layer, service_fn};

use crate::support::{AnyBody, Broken, check, data, sound, stream_of};

/// A connection to a hyper server that answers everything with `response`.
struct Client {
    in_flight: InFlight,
    io: DuplexStream,
    server: JoinSet<()>,
}

impl Client {
    fn connect(response: Response<AnyBody>) -> Self {
        let in_flight = InFlight::new();
        let response = Arc::new(Mutex::new(Some(response)));
        let handler = service_fn(move |_: http::Request<Incoming>| {
            let response = response.lock().expect("no panic under the lock").take();
            async move { response.ok_or(Broken) }
        });
        let service = InFlightLayer::new(in_flight.clone()).layer(handler);
        let (io, theirs) = duplex(64 * 1024);
        let mut server = JoinSet::new();
        server.spawn(async move {
            let service = TowerToHyperService::new(service);
            let connection = http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
            // A client that goes away is an error to the server; here it is a case of its own.
            drop(connection.await);
        });
        Self { in_flight, io, server }
    }

    async fn send(&mut self, head: &str) {
        let request = format!("{head} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        self.io.write_all(request.as_bytes()).await.expect("the server reads");
    }

    /// Reads until the server closes, and waits until it is done.
    async fn rest(mut self) -> (InFlight, String) {
        let mut answer = String::new();
        self.io.read_to_string(&mut answer).await.expect("the server writes text");
        self.server.join_all().await;
        (self.in_flight, answer)
    }
}

/// Sends a request, reads the answer, and expects the request to have finished.
async fn finishes(head: &str, response: Response<AnyBody>) -> String {
    let mut client = Client::connect(response);
    client.send(head).await;
    let (in_flight, answer) = client.rest().await;
    check(&in_flight, 1, 0);
    answer
}

fn with_status(status: StatusCode, body: AnyBody) -> Response<AnyBody> {
    Response::builder().status(status).body(body).expect("valid")
}

#[tokio::test]
async fn an_answer_of_known_length_finishes() {
    let answer = finishes("GET /", Response::new(sound(Full::from("hello")))).await;
    assert!(answer.contains("content-length: 5\r\n") && answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_stream_finishes() {
    let stream = stream_of(vec![data("one"), data("two")]);
    let answer = finishes("GET /", Response::new(stream)).await;
    assert!(answer.contains("chunked") && answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_stream_that_announced_its_length_finishes() {
    // It never ends; hyper drops it when the announced bytes are out.
    let (sender, body) = channel_body();
    sender.send(Bytes::from("six by")).expect("the body listens");
    let response = Response::builder().header(CONTENT_LENGTH, 6).body(body).expect("valid");
    let answer = finishes("GET /", response).await;
    assert!(answer.ends_with("six by"), "{answer}");
}

#[tokio::test]
async fn the_answer_to_head_finishes() {
    let answer = finishes("HEAD /", Response::new(sound(Full::from("hello")))).await;
    assert!(answer.contains("content-length: 5\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn answers_that_may_have_no_body_finish() {
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED] {
        let response = with_status(status, sound(Full::from("not sent")));
        let answer = finishes("GET /", response).await;
        assert!(!answer.contains("not sent"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_answer_aborts_its_request() {
    let (_sender, body) = channel_body();
    let mut client = Client::connect(Response::new(body));
    client.send("GET /").await;
    client.io.read_u8().await.expect("the head comes");
    assert_eq!(client.in_flight.count(), 1);
    let Client { in_flight, io, server } = client;
    drop(io);
    server.join_all().await;
    check(&in_flight, 0, 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_aborts_its_request() {
    let mut client = Client::connect(Response::new(stream_of(vec![data("one"), Err(Broken)])));
    client.send("GET /").await;
    let (in_flight, answer) = client.rest().await;
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer}");
    check(&in_flight, 0, 1);
}

#[tokio::test]
async fn idle_completes_when_the_server_has_taken_the_last_byte() {
    let (sender, body) = channel_body();
    let mut client = Client::connect(Response::new(body));
    client.send("GET /").await;
    client.io.read_u8().await.expect("the head comes");
    let in_flight = client.in_flight.clone();
    let mut idle = Box::pin(in_flight.idle());
    assert!(crate::support::pending(&mut idle));
    sender.send(Bytes::from("last")).expect("the body listens");
    drop(sender);
    idle.await;
    let (in_flight, answer) = client.rest().await;
    assert!(answer.ends_with("4\r\nlast\r\n0\r\n\r\n"), "{answer}");
    check(&in_flight, 1, 0);
}

/// A body that gives what it is sent.
fn channel_body() -> (UnboundedSender<Bytes>, AnyBody) {
    let (sender, mut receiver) = unbounded_channel();
    let stream = futures_util::stream::poll_fn(move |cx| {
        receiver.poll_recv(cx).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    });
    (sender, StreamBody::new(stream).boxed_unsync())
}
