//! A stock `axum::serve` with lameduck's listener and shutdown signal.
//!
//! For an axum server that exists already. It stays as it is, and gets a layer, a listener and a
//! shutdown signal.
//!
//! ```console
//! $ cargo run -p axum-stock -- --addr 127.0.0.1:8080
//! $ curl -i http://127.0.0.1:8080/slow?ms=2000 &
//! $ kill -TERM "$(pidof axum-stock)"
//! ```

use std::{collections::HashMap, io, process::ExitCode, time::Duration};

use axum::{Router, extract::Query, routing::get};
use lameduck::{Lameduck, StopTimeouts};
use lameduck_test_support::{Arguments, announce};
use tokio::{net::TcpListener, time::sleep};

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let args = Arguments::read(&[]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    let timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let duck = Lameduck::builder().with_stop_timeouts(timeouts).build();
    let app = Router::new()
        .route("/", get(async || "hello\n"))
        .route("/slow", get(slow))
        .route_service("/readyz", duck.readyz())
        .layer(duck.layer());

    let listener = TcpListener::bind(args.addr()).await?;
    announce("http", listener.local_addr()?);

    axum::serve(duck.axum_listener(listener), app)
        .with_graceful_shutdown(duck.shutdown_signal())
        .await?;
    Ok(duck.finished().await.into())
}

/// `GET /slow?ms=N` is answered after N milliseconds.
async fn slow(query: Query<HashMap<String, u64>>) -> String {
    let ms = query.get("ms").copied().unwrap_or_default();
    sleep(Duration::from_millis(ms)).await;
    format!("slept {ms} ms")
}
