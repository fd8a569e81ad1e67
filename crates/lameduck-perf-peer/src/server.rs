//! The server that is measured.

use std::io;

use axum::{Router, routing::get};
use tokio::{net::TcpListener, runtime};

use crate::pin_to_cpu;

/// A router with one route and nothing around it.
pub fn app() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// A runtime of one thread, with timers and sockets, as a server has it.
///
/// # Errors
///
/// If the system gives it no event queue.
pub fn runtime() -> io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// Serves with a stock `axum::serve` until the process ends, and prints the address.
///
/// # Errors
///
/// If no port can be had.
#[expect(clippy::print_stdout, reason = "the program that started this one reads the address")]
pub fn serve(app: Router) -> io::Result<()> {
    // One worker on one processor: what is measured is its time, not the scheduler's.
    pin_to_cpu(0);
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, app).await
    })
}
