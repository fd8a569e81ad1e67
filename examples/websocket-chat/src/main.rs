//! A chat over WebSockets that tells everybody before it closes.
//!
//! A WebSocket has no end of its own, so a server that waits for it never stops, and one that does
//! not cuts it. This one says 1001, *going away*, when it drains: clients then connect again, and
//! find the next server.
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

    let windows = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let duck = Lameduck::new().with_stop_timeouts(windows);
    let (watch, room) = (duck.watch(), broadcast::Sender::new(256));
    let enter = async move |upgrade: WebSocketUpgrade| {
        // Before the client hears that it is in: from then on it misses nothing.
        let heard = room.subscribe();
        upgrade.on_upgrade(move |socket| chat(socket, room, heard, watch))
    };
    let app = Router::new().route("/chat", any(enter)).layer(duck.layer());

    let listener = duck.bind(args.addr()).await?;
    announce("http", listener.local_addr()?);
    Ok(duck.serve_listener(listener, app).await.into())
}

/// One who takes part, until they leave or the server does.
async fn chat(
    socket: WebSocket,
    room: broadcast::Sender<Utf8Bytes>,
    mut heard: broadcast::Receiver<Utf8Bytes>,
    watch: PhaseWatch,
) {
    // Says goodbye when the drain begins, and then ends as if the client had left.
    let mut socket = close_on_drain(socket, watch);
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                // It comes back to whoever said it, who so knows that it was heard.
                Some(Ok(Message::Text(text))) => _ = room.send(text),
                Some(Ok(_)) => (),
                Some(Err(_)) | None => return,
            },
            Ok(text) = heard.recv() => {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}
