//! Server-sent events that end with a `retry:`, so that clients continue with the next server.
//!
//! An event stream never ends by itself, so a server that waits for it never stops. This server
//! ends its streams when it drains, and tells clients when to reconnect. A browser's `EventSource`
//! reconnects by itself and sends the id of the last event that it received.
//!
//! ```console
//! $ cargo run -p sse-ticker -- --addr 127.0.0.1:8080
//! $ curl -N http://127.0.0.1:8080/ticks
//! $ kill -TERM "$(pidof sse-ticker)"
//! ```

use std::{convert::Infallible, io, process::ExitCode, time::Duration};

use axum::{
    Router,
    http::HeaderMap,
    response::sse::{Event, Sse},
    routing::get,
};
use futures_util::{Stream, StreamExt as _, stream};
use lameduck::{Lameduck, PhaseWatch, StopTimeouts, drain::until_drain};
use lameduck_test_support::{Arguments, announce};
use tokio::time::sleep;

/// The time between two ticks.
const TICK: Duration = Duration::from_millis(50);

/// When a client should reconnect: after the next server is ready. With many clients, let
/// `lameduck::drain::RetryAfter` choose a different time for each of them.
const RETRY: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let args = Arguments::read(&[]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    let timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let duck = Lameduck::builder().with_stop_timeouts(timeouts).build();
    let watch = duck.watch();
    let ticks = async move |headers: HeaderMap| {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
        ticks(last.unwrap_or(0), watch)
    };
    let app = Router::new().route("/ticks", get(ticks)).layer(duck.layer());

    let listener = duck.bind(args.addr()).await?;
    announce("http", listener.local_addr()?);
    Ok(duck.serve_listener(listener, app).await.into())
}

/// The ticks that follow the client's last one, until the server stops.
fn ticks(last: u64, watch: PhaseWatch) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let ticks = stream::iter(last.saturating_add(1)..).then(async |tick| {
        sleep(TICK).await;
        Ok(Event::default().id(tick.to_string()).data(format!("tick {tick}")))
    });
    Sse::new(until_drain(ticks, watch).with_last(Ok(Event::default().retry(RETRY))))
}
