//! A stock axum server in our listener and layer, for the drill: `cargo xtask demo --wrapped`.
#![expect(clippy::print_stdout, reason = "the drill reads the address")]

use std::{io, process::ExitCode};

use lameduck::{Lameduck, Phase};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let duck = Lameduck::new();
    let watch = duck.watch();
    let app = lameduck_drill::app(move || watch.reached(Phase::Draining)).layer(duck.layer());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(duck.axum_listener(listener), app)
        .with_graceful_shutdown(duck.shutdown_signal())
        .await?;
    Ok(duck.finished().await.into())
}
