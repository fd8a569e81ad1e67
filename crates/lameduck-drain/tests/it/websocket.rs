//! WebSockets that close themselves: real servers, real clients.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    extract::ws::{Message as AxumMessage, WebSocket, WebSocketUpgrade},
    routing::get,
};
use futures_util::{SinkExt as _, StreamExt as _, future::join};
use lameduck_drain::{
    CloseOptions, CloseReason, Phase, PhaseSender, PhaseWatch, close_on_drain, phase_channel,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, protocol::Role},
};

const BOUND: Duration = Duration::from_secs(20);

type Client = WebSocketStream<TcpStream>;

/// A real axum server whose handler is `run`, and a client of it.
async fn client_of<F>(
    run: impl Fn(WebSocket) -> F + Clone + Send + Sync + 'static,
) -> (Client, JoinSet<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let app = Router::new()
        .route("/", get(async move |upgrade: WebSocketUpgrade| upgrade.on_upgrade(run)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr: SocketAddr = listener.local_addr().unwrap();
    let mut server = JoinSet::new();
    server.spawn(async { axum::serve(listener, app).await.unwrap() });
    let tcp = TcpStream::connect(addr).await.unwrap();
    (client_async("ws://duck/", tcp).await.unwrap().0, server)
}

fn running() -> (PhaseSender, PhaseWatch) {
    let (phase, watch) = phase_channel();
    phase.publish(Phase::Running);
    (phase, watch)
}

/// A peer has so long to answer the close frame.
fn closing_within(timeout: Duration) -> CloseOptions {
    let mut options = CloseOptions::new();
    options.close_timeout = timeout;
    options
}

async fn next(client: &mut Client) -> Option<Message> {
    timeout(BOUND, client.next()).await.expect("the server says something").map(Result::unwrap)
}

fn code_of(message: &Message) -> (u16, &str) {
    let Message::Close(Some(frame)) = message else { panic!("{message:?}") };
    (frame.code.into(), &frame.reason)
}

#[tokio::test]
async fn a_client_of_axum_is_sent_1001_and_the_handlers_loop_ends_after_its_answer() {
    let (phase, watch) = running();
    let (over, mut is_over) = mpsc::channel(1);
    let (mut client, _server) = client_of(move |socket| {
        let (watch, over) = (watch.clone(), over.clone());
        async move {
            let mut socket = close_on_drain(socket, watch).with_options(closing_within(BOUND));
            let mut seen = Vec::new();
            while let Some(Ok(message)) = socket.recv().await {
                seen.push(message.clone());
                socket.send(message).await.expect("a loop that answers does not fail");
            }
            assert!(socket.is_close_sent());
            over.send(seen).await.unwrap();
        }
    })
    .await;
    client.send(Message::text("quack")).await.unwrap();
    assert_eq!(next(&mut client).await, Some(Message::text("quack")));

    phase.publish(Phase::Draining);
    let close = next(&mut client).await.unwrap();
    assert_eq!(code_of(&close), (1001, "server is stopping"));
    // The client's library answers by itself; then the server closes.
    assert_eq!(next(&mut client).await, None);
    let seen = timeout(BOUND, is_over.recv()).await.unwrap().unwrap();
    assert!(matches!(&seen[..], [AxumMessage::Text(_), AxumMessage::Close(_)]), "{seen:?}");
}

#[tokio::test]
async fn a_message_that_crosses_the_close_frame_is_read_and_the_reason_is_yours() {
    let (phase, watch) = running();
    let (seen, mut is_seen) = mpsc::channel(8);
    let (mut client, _server) = client_of(move |socket| {
        let (watch, seen) = (watch.clone(), seen.clone());
        async move {
            let mut options = CloseOptions::new();
            options.reason = CloseReason::new(4000, "moved").unwrap();
            let mut socket = close_on_drain(socket, watch).with_options(options);
            seen.send("ready".into()).await.unwrap();
            while let Some(Ok(AxumMessage::Text(text))) = socket.recv().await {
                socket.send(AxumMessage::text("not sent any more")).await.unwrap();
                seen.send(text.to_string()).await.unwrap();
            }
        }
    })
    .await;
    assert_eq!(timeout(BOUND, is_seen.recv()).await.unwrap().unwrap(), "ready");
    phase.publish(Phase::Draining);
    // It has not read the close frame yet: this crosses it.
    while client.get_ref().peek(&mut [0]).await.unwrap() == 0 {}
    client.send(Message::text("on its way")).await.unwrap();
    assert_eq!(timeout(BOUND, is_seen.recv()).await.unwrap().unwrap(), "on its way");
    assert_eq!(code_of(&next(&mut client).await.unwrap()), (4000, "moved"));
    assert_eq!(next(&mut client).await, None);
}

/// A socket of tokio-tungstenite on a pipe, and the end of its peer, which answers nothing.
async fn pipe(size: usize) -> (WebSocketStream<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(size);
    (WebSocketStream::from_raw_socket(ours, Role::Server, None).await, theirs)
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_holds_the_close_for_its_timeout_and_no_longer() {
    let (phase, watch) = running();
    let (socket, mut peer) = pipe(1024).await;
    let time = Duration::from_secs(5);
    let mut socket = close_on_drain(socket, watch).with_options(closing_within(time));
    phase.publish(Phase::Draining);
    let began = Instant::now();
    assert!(socket.recv().await.is_none());
    assert_eq!(began.elapsed(), time);
    assert!(socket.send(Message::text("late")).await.is_err(), "now it is an error");
    drop(socket);
    let mut frame = Vec::new();
    peer.read_to_end(&mut frame).await.unwrap();
    assert_eq!(frame, b"\x88\x14\x03\xe9server is stopping");
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_the_wait_for_an_answer() {
    let (phase, watch) = running();
    let (socket, _peer) = pipe(1024).await;
    let mut socket = close_on_drain(socket, watch).with_options(closing_within(BOUND));
    phase.publish(Phase::Draining);
    let began = Instant::now();
    let (ended, ()) = join(socket.recv(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        phase.publish(Phase::Cancelling);
    })
    .await;
    assert!(ended.is_none());
    assert_eq!(began.elapsed(), Duration::from_secs(1));
}

/// A socket whose peer always has one message more. Keeps what was sent to the peer.
struct Flood(Vec<Message>);

impl futures_util::Stream for Flood {
    type Item = Result<Message, std::convert::Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(Ok(Message::text("more"))))
    }
}

impl futures_util::Sink<Message> for Flood {
    type Error = std::convert::Infallible;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Self::Error> {
        self.0.push(message);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_pauses_is_sent_the_close_frame_at_cancelling() {
    let (phase, watch) = running();
    let mut socket = close_on_drain(Flood(Vec::new()), watch);
    phase.publish(Phase::Draining);
    for _ in 0..1000 {
        assert_eq!(socket.recv().await, Some(Ok(Message::text("more"))));
    }
    phase.publish(Phase::Cancelling);
    assert_eq!(socket.recv().await, None);
    assert_eq!(code_of(&socket.get_ref().0[0]).0, 1001);
    assert_eq!(socket.get_ref().0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_holds_the_close_for_its_timeout_and_no_longer() {
    let (phase, watch) = running();
    let (socket, _peer) = pipe(16).await;
    let mut socket = close_on_drain(socket, watch);
    // More than the pipe takes: it is kept in the socket's own buffer.
    socket.feed(Message::text("a message that is much longer than the pipe")).await.unwrap();
    phase.publish(Phase::Draining);
    let began = Instant::now();
    assert!(socket.recv().await.is_none());
    assert_eq!(began.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_waits_on_the_other_half_is_woken_when_the_socket_is_closed() {
    let (phase, watch) = running();
    let (socket, mut peer) = pipe(16).await;
    let (mut sink, mut stream) = close_on_drain(socket, watch).split();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        sink.send(Message::text("a message that is much longer than the pipe")).await.unwrap();
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    phase.publish(Phase::Draining);
    tasks.spawn(async move { assert!(stream.next().await.is_none()) });
    tokio::time::sleep(Duration::from_millis(1)).await;
    // The peer reads at last, but never answers.
    let mut bytes = Vec::new();
    timeout(BOUND, peer.read_to_end(&mut bytes)).await.unwrap().unwrap();
    assert!(bytes.ends_with(b"server is stopping"), "after what was sent before");
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_message_that_is_dropped_loses_none() {
    let (phase, watch) = running();
    let (socket, mut peer) = pipe(1024).await;
    let mut socket = close_on_drain(socket, watch);
    // A masked frame with one byte, in two pieces.
    peer.write_all(b"\x81\x81\0\0").await.unwrap();
    assert!(timeout(Duration::from_millis(1), socket.recv()).await.is_err());
    phase.publish(Phase::Draining);
    assert!(timeout(Duration::from_millis(1), socket.recv()).await.is_err());
    peer.write_all(b"\0\0q").await.unwrap();
    assert_eq!(socket.recv().await.unwrap().unwrap(), Message::text("q"));
    // The answer, also masked.
    peer.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    assert!(socket.recv().await.unwrap().unwrap().is_close());
    assert!(socket.recv().await.is_none());
}

#[test]
fn a_close_frame_that_may_not_be_sent_is_an_error_that_names_one_that_may() {
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        let error = CloseReason::new(code, "").unwrap_err().to_string();
        assert!(error.contains(&code.to_string()) && error.contains("1001"), "{error}");
    }
    for code in [1000, 1001, 1012, 1014, 3000, 4999] {
        assert_eq!(CloseReason::new(code, "").unwrap().code(), code);
    }
    assert!(CloseReason::new(1001, "x".repeat(123)).is_ok());
    let error = CloseReason::new(1001, "x".repeat(124)).unwrap_err().to_string();
    assert!(error.contains("124") && error.contains("123"), "{error}");
    assert_eq!(CloseReason::default(), CloseReason::GOING_AWAY);
}
