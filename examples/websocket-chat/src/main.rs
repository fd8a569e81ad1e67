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

use std::{io, pin::pin, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    routing::any,
};
use lameduck::{Lameduck, Phase, Report, Windows};
use lameduck_test::ExampleArgs;
use tokio::{sync::broadcast, time::timeout};

/// How long a client may take to answer our close frame.
const FAREWELL: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> ExitCode {
    let args = ExampleArgs::read();
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    let windows = Windows::new().with_lame_duck(args.lame_duck);
    let duck = Lameduck::new().with_windows(windows);
    let (watch, room) = (duck.watch(), broadcast::Sender::new(256));
    let enter = async move |upgrade: WebSocketUpgrade| {
        let stopping = watch.reached(Phase::Draining);
        upgrade.on_upgrade(move |socket| chat(socket, room, stopping))
    };
    let app = Router::new().route("/chat", any(enter)).layer(duck.layer());

    match duck.bind(args.addr).await {
        Ok(listener) => {
            if let Ok(addr) = listener.local_addr() {
                ExampleArgs::tell("http", addr);
            }
            duck.serve_on(listener, app).await.into()
        }
        Err(error) => Report::not_started(error).into(),
    }
}

/// One who takes part, until they leave or the server does.
async fn chat(
    mut socket: WebSocket,
    room: broadcast::Sender<Utf8Bytes>,
    stopping: impl Future<Output = ()>,
) {
    let mut heard = room.subscribe();
    let mut stopping = pin!(stopping);
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                // It comes back to whoever said it, who so knows that all have heard.
                Some(Ok(Message::Text(text))) => _ = room.send(text),
                Some(Ok(_)) => (),
                Some(Err(_)) | None => return,
            },
            Ok(text) = heard.recv() => {
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            () = &mut stopping => break,
        }
    }
    // What was said before the end is heard, too.
    while let Ok(text) = heard.try_recv() {
        if socket.send(Message::Text(text)).await.is_err() {
            return;
        }
    }
    let away = CloseFrame { code: 1001, reason: "the server is stopping".into() };
    if socket.send(Message::Close(Some(away))).await.is_ok() {
        // The client answers with a close frame of its own; what it said before crossed ours.
        _ = timeout(FAREWELL, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
    }
}
