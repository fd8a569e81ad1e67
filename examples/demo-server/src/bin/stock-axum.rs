//! The control: the demo server's paths on `axum::serve` with its own graceful shutdown.
//!
//! It has no lameduck and loses requests, which `cargo xtask demo` shows.

use std::{future::pending, io};

use lameduck_test_support::{Arguments, announce};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let args = Arguments::read(&[]);
    let terminated = terminated()?;
    let listener = TcpListener::bind(args.addr()).await?;
    announce("http", listener.local_addr()?);
    // As in axum's own examples, the handlers do not learn that the server stops.
    let app = lameduck_drill::app(pending::<()>);
    axum::serve(listener, app).with_graceful_shutdown(terminated).await
}

#[cfg(unix)]
fn terminated() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        terminate.recv().await;
    })
}

#[cfg(not(unix))]
fn terminated() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
