//! Streams of a whole route: which end, which run on, and what their clients see.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderName, StatusCode, Version, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Request;
use http_body::Body as _;
use lameduck_drain::{
    Phase, PhaseSender, RetryAfter, RunOn, UntilDrainLayer, UntilDrainOptions, phase_channel,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tower::{Layer, ServiceExt, service_fn};

const EVENTS: (HeaderName, &str) = (header::CONTENT_TYPE, "text/event-stream; charset=utf-8");

/// Streams come back after 1.5 s.
fn options() -> UntilDrainOptions {
    let mut options = UntilDrainOptions::new();
    options.retry_after = RetryAfter::fixed(Duration::from_millis(1500));
    options
}

/// A phase to move, pieces to send, and the layer that ends their stream.
struct Bench {
    phase: PhaseSender,
    layer: UntilDrainLayer,
    pieces: Option<mpsc::Sender<&'static str>>,
}

impl Bench {
    fn new() -> Self {
        let (phase, watch) = phase_channel();
        phase.publish(Phase::Running);
        let layer = UntilDrainLayer::new(watch).with_options(options());
        Self { phase, layer, pieces: None }
    }

    async fn answer(
        &mut self,
        version: Version,
        finish: impl Fn(Body) -> Response + Clone,
    ) -> http::Response<lameduck_drain::UntilDrainBody<Body>> {
        let (pieces, receiver) = mpsc::channel(2000);
        self.pieces = Some(pieces);
        let receiver = std::sync::Mutex::new(Some(receiver));
        let handler = service_fn(|_: Request<()>| {
            let pieces = ReceiverStream::new(receiver.lock().unwrap().take().unwrap());
            let body = Body::from_stream(pieces.map(Ok::<_, Infallible>));
            std::future::ready(Ok::<_, Infallible>(finish(body)))
        });
        let request = Request::builder().version(version).body(()).unwrap();
        self.layer.layer(handler).oneshot(request).await.unwrap()
    }

    fn send(&self, piece: &'static str) {
        self.pieces.as_ref().unwrap().try_send(piece).unwrap();
    }
}

/// What is ready of a body now, and whether that is all.
fn ready(body: &mut lameduck_drain::UntilDrainBody<Body>) -> (String, bool) {
    let mut text = Vec::new();
    loop {
        match Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(frame)) => text.extend(frame.unwrap().into_data().unwrap()),
            Poll::Ready(None) => return (String::from_utf8(text).unwrap(), true),
            Poll::Pending => return (String::from_utf8(text).unwrap(), false),
        }
    }
}

#[tokio::test]
async fn an_event_stream_ends_with_the_time_to_come_back() {
    let mut bench = Bench::new();
    let mut body =
        bench.answer(Version::HTTP_2, |body| ([EVENTS], body).into_response()).await.into_body();
    bench.send("data: 1\n\n");
    assert_eq!(ready(&mut body), ("data: 1\n\n".to_owned(), false));
    bench.send("data: 2\n\n");
    bench.phase.publish(Phase::Draining);
    assert!(!body.is_end_stream());
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(ready(&mut body), ("data: 2\n\nretry: 1500\n\n".to_owned(), true));
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
}

#[tokio::test]
async fn an_event_that_has_begun_is_sent_whole_until_cancelling() {
    for is_finished in [true, false] {
        let mut bench = Bench::new();
        let mut body = bench
            .answer(Version::HTTP_2, |body| ([EVENTS], body).into_response())
            .await
            .into_body();
        bench.send("data: ha");
        bench.phase.publish(Phase::Draining);
        assert_eq!(ready(&mut body), ("data: ha".to_owned(), false));
        if is_finished {
            bench.send("lf\n\n");
            assert_eq!(ready(&mut body), ("lf\n\nretry: 1500\n\n".to_owned(), true));
        } else {
            bench.phase.publish(Phase::Cancelling);
            // Its client drops half an event. `retry:` after it would be a part of it.
            assert_eq!(ready(&mut body), (String::new(), true));
        }
    }
}

#[tokio::test]
async fn an_event_stream_on_http_1_is_the_last_answer_of_its_connection() {
    for (version, closes) in [(Version::HTTP_11, 1), (Version::HTTP_10, 1), (Version::HTTP_2, 0)] {
        let mut bench = Bench::new();
        let events = bench.answer(version, |body| ([EVENTS], body).into_response()).await;
        assert_eq!(events.headers().get_all(header::CONNECTION).iter().count(), closes);
        let other = bench.answer(version, IntoResponse::into_response).await;
        assert!(!other.headers().contains_key(header::CONNECTION));
    }
}

/// A body that knows that it has three bytes.
struct Three(Body);

impl http_body::Body for Three {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(3)
    }
}

#[tokio::test]
async fn a_body_with_another_type_or_a_length_or_a_mark_runs_on() {
    let cases: [fn(Body) -> Response; 7] = [
        IntoResponse::into_response,
        |body| ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        |body| ([(header::CONTENT_TYPE, "text/event-streams")], body).into_response(),
        |body| ([EVENTS, (header::CONTENT_LENGTH, "3")], body).into_response(),
        |body| ([EVENTS], Body::new(Three(body))).into_response(),
        |body| ([EVENTS, (header::CONTENT_ENCODING, "gzip")], body).into_response(),
        |body| {
            let mut response = ([EVENTS], body).into_response();
            response.extensions_mut().insert(RunOn);
            response
        },
    ];
    for (index, finish) in cases.into_iter().enumerate() {
        let mut bench = Bench::new();
        let mut body = bench.answer(Version::HTTP_11, finish).await.into_body();
        bench.send("one");
        bench.phase.publish(Phase::Cancelling);
        assert_eq!(ready(&mut body), ("one".to_owned(), false), "case {index}");
        bench.pieces = None;
        assert_eq!(ready(&mut body), (String::new(), true), "case {index}");
    }
}

#[tokio::test]
async fn a_body_of_a_type_that_was_added_ends_without_a_last_item() {
    let mut bench = Bench::new();
    let mut options = options();
    options.content_types.push("Application/X-NDJSON ; charset=utf-8".to_owned());
    bench.layer = bench.layer.clone().with_options(options);
    let finish = |body| ([(header::CONTENT_TYPE, "Application/X-NDJSON")], body).into_response();
    let mut body = bench.answer(Version::HTTP_11, finish).await.into_body();
    bench.send("{}\n");
    bench.phase.publish(Phase::Draining);
    assert_eq!(ready(&mut body), ("{}\n".to_owned(), true));
}

#[tokio::test]
async fn an_answer_of_a_layer_further_out_is_left_alone() {
    let body = lameduck_drain::UntilDrainBody::<Body>::from(Bytes::from_static(b"elsewhere"));
    assert_eq!(body.size_hint().exact(), Some(9));
}

mod laws {
    use super::*;

    mod while_running {
        use super::*;

        lameduck_laws::layer_laws!(|inner| {
            let (sender, watch) = phase_channel();
            sender.publish(Phase::Running);
            UntilDrainLayer::new(watch).layer(inner)
        });
    }

    mod while_cancelling {
        use super::*;

        lameduck_laws::layer_laws!(|inner| {
            let (sender, watch) = phase_channel();
            sender.publish(Phase::Cancelling);
            UntilDrainLayer::new(watch).layer(inner)
        });
    }
}

/// A real server: `/sse` as axum makes event streams, with a comment to keep them alive.
async fn client_of(app: Router) -> (TcpStream, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async { axum::serve(listener, app).await.unwrap() });
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET /sse HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    (client, server)
}

async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) {
        let read = timeout(Duration::from_secs(20), client.read_buf(&mut answer)).await;
        assert!(read.unwrap().unwrap() > 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn an_event_source_sees_a_clean_end_with_its_time_and_its_connection_closes() {
    let (phase, watch) = phase_channel();
    phase.publish(Phase::Running);
    let mut options = UntilDrainOptions::new();
    options.seed = Some(7);
    let layer = UntilDrainLayer::new(watch.clone()).with_options(options);
    let events = get(async || {
        let ticks = futures_util::stream::once(async { Ok::<_, Infallible>(tick()) });
        Sse::new(ticks.chain(futures_util::stream::pending())).keep_alive(KeepAlive::new())
    });
    let (mut client, _server) = client_of(Router::new().route("/sse", events.layer(layer))).await;
    let begin = read_until(&mut client, "data: tick\n\n\r\n").await;
    assert!(begin.to_lowercase().contains("\r\nconnection: close\r\n"), "{begin}");
    phase.publish(Phase::Draining);
    let mut rest = String::new();
    timeout(Duration::from_secs(20), client.read_to_string(&mut rest)).await.unwrap().unwrap();
    // One chunk, then the one that ends the body.
    let (chunk, end) = rest.split_at(rest.len() - 5);
    assert_eq!(end, "0\r\n\r\n", "{rest:?}");
    let retry = chunk.split_once("retry: ").unwrap().1.trim_end();
    assert!((1000..=3000).contains(&retry.parse::<u32>().unwrap()), "{rest:?}");
}

fn tick() -> Event {
    Event::default().data("tick")
}

/// The control for the rule that such bodies run on: hyper breaks the connection.
#[tokio::test]
async fn a_body_with_a_declared_length_is_not_cut_and_arrives_whole() {
    let (phase, watch) = phase_channel();
    phase.publish(Phase::Running);
    let (pieces, receiver) = mpsc::channel(8);
    let receiver = std::sync::Arc::new(std::sync::Mutex::new(Some(receiver)));
    let handler = get(async move || {
        let receiver: mpsc::Receiver<&str> = receiver.lock().unwrap().take().unwrap();
        let pieces = ReceiverStream::new(receiver).map(Ok::<_, Infallible>);
        let headers = [EVENTS, (header::CONTENT_LENGTH, "8")];
        (StatusCode::OK, headers, Body::from_stream(pieces))
    });
    let app = Router::new().route("/sse", handler.layer(UntilDrainLayer::new(watch)));
    let (mut client, _server) = client_of(app).await;
    pieces.try_send("half").unwrap();
    read_until(&mut client, "half").await;
    phase.publish(Phase::Draining);
    pieces.try_send("half").unwrap();
    assert_eq!(read_until(&mut client, "half").await, "half");
}
