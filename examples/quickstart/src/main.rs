//! The README's first example: an axum server that stops without losing a request.
//!
//! `cargo run -p quickstart`, then `curl -i localhost:8080/readyz`, then Ctrl-C.

use axum::{Router, routing::get};
use lameduck::Lameduck;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let addr = std::env::args().nth(1).unwrap_or("0.0.0.0:8080".to_owned());
    let duck = Lameduck::builder().on_stop("database", async || { /* close it */ }).build();
    let app = duck.wrap(Router::new().route("/", get(async || "hello"))); // and /livez, /readyz
    duck.serve(addr, app).await.into() // 0 clean, 1 forced, 2 not started
}
