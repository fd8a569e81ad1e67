//! Streams and WebSockets that end with the drain.

use axum::{
    extract::{
        State,
        ws::{WebSocket, WebSocketUpgrade},
    },
    response::sse::{Event, Sse},
};
use futures_util::{SinkExt as _, StreamExt as _, stream};
use lameduck::{PhaseWatch, drain::close_on_drain};
use tokio::time::timeout;
use tokio_tungstenite::{client_async, tungstenite::Message};

use super::*;

const BOUND: Duration = Duration::from_secs(20);

async fn echo(socket: WebSocket, watch: PhaseWatch) {
    let mut socket = close_on_drain(socket, watch);
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

fn streams(duck: &Lameduck) -> Router {
    let events = get(async || {
        let first =
            stream::once(async { Ok::<_, std::convert::Infallible>(Event::default().data("1")) });
        Sse::new(first.chain(stream::pending()))
    });
    Router::new()
        .route("/events", events.layer(duck.end_streams()))
        .route(
            "/ws",
            get(async |State(watch): State<PhaseWatch>, upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(|socket| echo(socket, watch))
            }),
        )
        .with_state(duck.watch())
}

#[tokio::test]
async fn streams_and_websockets_end_with_the_drain_and_delay_no_stop() {
    let duck = duck();
    let app = streams(&duck).layer(duck.layer());
    check_end(duck, app).await;
}

#[tokio::test]
async fn streams_and_websockets_inside_of_the_layer_around_a_router_end_with_the_drain() {
    let duck = duck();
    let app = duck.wrap(streams(&duck));
    check_end(duck, app).await;
}

async fn check_end(duck: Lameduck, app: impl IntoService + Send + 'static) {
    let (stop, connections) = (duck.stop_handle(), duck.connections().clone());
    let (addr, report) = serve(duck, app).await;
    let mut events = TcpStream::connect(addr).await.unwrap();
    events.write_all(b"GET /events HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut socket, _) = client_async("ws://duck/ws", tcp).await.unwrap();
    socket.send(Message::text("quack")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("quack"));
    assert_eq!(connections.count(), 2);

    stop.stop("test", false);
    let mut text = String::new();
    timeout(BOUND, events.read_to_string(&mut text)).await.unwrap().unwrap();
    assert!(text.contains("data: 1\n\n") && text.contains("retry: "), "{text}");
    assert!(text.ends_with("\r\n0\r\n\r\n"), "{text}");
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else { panic!() };
    assert_eq!(u16::from(frame.code), 1001);
    assert!(socket.next().await.is_none());
    let report = timeout(BOUND, report).await.unwrap().unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    // No timeout was needed: neither the 2 s of the close frame nor the 15 s of the drain.
    assert!(report.took() < Duration::from_secs(1), "{report}");
}

#[tokio::test]
async fn a_websocket_that_does_not_answer_is_cut_after_its_timeout() {
    let duck = duck();
    let (stop, app) = (duck.stop_handle(), streams(&duck).layer(duck.layer()));
    let (addr, report) = serve(duck, app).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    // Not read from after this, so that it does not answer.
    let (socket, _) = client_async("ws://duck/ws", tcp).await.unwrap();
    stop.stop("test", false);
    let report = timeout(BOUND, report).await.unwrap().unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    let took = report.took();
    assert!((Duration::from_secs(2)..Duration::from_secs(5)).contains(&took), "{report}");
    drop(socket);
}
