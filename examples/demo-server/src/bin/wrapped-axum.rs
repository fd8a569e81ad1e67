//! The demo server's paths on `axum::serve` with lameduck's listener and layer.
//!
//! `cargo xtask demo --only wrapped` stops it under load.

use std::{io, process::ExitCode};

use lameduck::{Lameduck, Phase, StopTimeouts};
use lameduck_test_support::{Arguments, announce};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let args = Arguments::read(&[]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    let timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let duck = Lameduck::builder().with_stop_timeouts(timeouts).build();
    let watch = duck.watch();
    let app = lameduck_drill::app(move || watch.reached(Phase::Draining))
        .merge(duck.probes())
        .layer(duck.layer());

    let listener = TcpListener::bind(args.addr()).await?;
    announce("http", listener.local_addr()?);
    axum::serve(duck.axum_listener(listener), app)
        .with_graceful_shutdown(duck.shutdown_signal())
        .await?;
    Ok(duck.finished().await.into())
}
