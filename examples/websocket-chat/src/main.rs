//! A chat over WebSockets that closes each socket with a close frame.
//!
//! A WebSocket never ends by itself. A server that waits for it never stops, and a server that does
//! not wait cuts it. This server sends close code 1001, *going away*, when it drains. Clients then
//! connect again and reach the next server.
//!
//! ```console
//! $ cargo run -p websocket-chat -- --addr 127.0.0.1:8080
//! $ websocat ws://127.0.0.1:8080/chat
//! $ kill -TERM "$(pidof websocket-chat)"
//! ```

use std::{io, process::ExitCode};

use axum::{
    Router,
    extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    routing::any,
};
use lameduck::{Lameduck, PhaseWatch, StopTimeouts, drain::close_on_drain};
use lameduck_test_support::{Arguments, announce};
use tokio::sync::broadcast;

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let args = Arguments::read(&[]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    let timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let duck = Lameduck::builder().with_stop_timeouts(timeouts).build();
    let (watch, room) = (duck.watch(), broadcast::Sender::new(256));
    let enter = async move |upgrade: WebSocketUpgrade| {
        // Before the client learns that it is connected: it misses no message after that.
        let messages = room.subscribe();
        upgrade.on_upgrade(move |socket| chat(socket, room, messages, watch))
    };
    let app = Router::new().route("/chat", any(enter)).layer(duck.layer());

    let listener = duck.bind(args.addr()).await?;
    announce("http", listener.local_addr()?);
    Ok(duck.serve_listener(listener, app).await.into())
}

/// One participant, until the client leaves or the server stops.
async fn chat(
    socket: WebSocket,
    room: broadcast::Sender<Utf8Bytes>,
    mut messages: broadcast::Receiver<Utf8Bytes>,
    watch: PhaseWatch,
) {
    // Sends the close frame when the drain begins, and then ends as if the client had left.
    let mut socket = close_on_drain(socket, watch);
    loop {
        tokio::select! {
            received = socket.recv() => match received {
                // The sender receives it too, and so knows that it arrived.
                Some(Ok(Message::Text(text))) => _ = room.send(text),
                Some(Ok(_)) => (),
                Some(Err(_)) | None => return,
            },
            Ok(text) = messages.recv() => {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}
