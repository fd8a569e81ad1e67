//! The paths of the contract as an axum router.

use std::{collections::HashMap, convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{
        Query, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, WebSocket},
    },
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream,
};
use tokio::time::{sleep, timeout};

use super::data::{EVENT_INTERVAL, checksum_on, download_piece};

/// The longest chunk of a download: as long as [`download_piece`] allows.
const CHUNK: usize = 16 * 1024;

/// How long a WebSocket client may take to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

type Numbers = Query<HashMap<String, u64>>;
type Stopping = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// All paths of the [contract](crate::contract).
///
/// `stopping` returns a future that completes when the server stops: event streams then end, and
/// each WebSocket is closed with code 1001. It is called once for each stream and each WebSocket.
///
/// ```
/// // A server that never stops. With lameduck: `move || watch.reached(Phase::Draining)`.
/// let app = lameduck_drill::app(std::future::pending::<()>);
/// # let _: axum::Router = app;
/// ```
pub fn app<F, Fut>(stopping: F) -> Router
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let stopping: Stopping = Arc::new(move || stopping().boxed());
    Router::new()
        .route("/", get(async || "ok\n"))
        .route("/slow", get(slow))
        .route("/download", get(download))
        .route("/upload", post(upload))
        .route("/events", get(events))
        .route("/ws", get(web_socket))
        .with_state(stopping)
}

fn number(query: &Numbers, name: &str) -> u64 {
    query.get(name).copied().unwrap_or(0)
}

async fn slow(query: Numbers) -> String {
    let ms = number(&query, "ms");
    sleep(Duration::from_millis(ms)).await;
    format!("slept {ms} ms")
}

async fn download(query: Numbers) -> Body {
    let bytes = number(&query, "bytes");
    Body::from_stream(stream::iter((0..bytes).step_by(CHUNK).map(move |start| {
        let piece = download_piece(start, bytes - start);
        Ok::<_, Infallible>(Bytes::from_static(piece))
    })))
}

async fn upload(body: Body) -> Response {
    let (mut body, mut count, mut sum) = (body.into_data_stream(), 0, 0);
    while let Some(chunk) = body.next().await {
        let Ok(chunk) = chunk else { return StatusCode::BAD_REQUEST.into_response() };
        count += chunk.len();
        sum = checksum_on(sum, &chunk);
    }
    format!("{count} {sum}").into_response()
}

async fn events(State(stopping): State<Stopping>, query: Numbers) -> impl IntoResponse {
    let numbered = stream::iter(0..number(&query, "count")).then(async |number| {
        sleep(EVENT_INTERVAL).await;
        Ok::<_, Infallible>(format!("data: {number}\n\n"))
    });
    // The body ends with the stream, so the client sees a clean end.
    let body = Body::from_stream(numbered.take_until(stopping()));
    ([(header::CONTENT_TYPE, "text/event-stream")], body)
}

async fn web_socket(State(stopping): State<Stopping>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| echo(socket, stopping()))
}

async fn echo(mut socket: WebSocket, stopping: BoxFuture<'static, ()>) {
    let mut stopping = pin!(stopping);
    loop {
        tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    if socket.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
                // The socket itself answers pings and confirms close frames.
                Some(Ok(_)) => (),
                Some(Err(_)) | None => return,
            },
            () = &mut stopping => break,
        }
    }
    let away = CloseFrame { code: 1001, reason: "server is stopping".into() };
    // Fails if the client closes at this moment. The reads below then confirm its close frame. They
    // also wait until the client has read ours: to close earlier could reset the connection.
    let _ = socket.send(Message::Close(Some(away))).await;
    let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
}
