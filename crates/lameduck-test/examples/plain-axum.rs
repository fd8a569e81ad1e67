//! The control of the drill: a stock server with a stock graceful shutdown, which loses requests.
//!
//! ```console
//! $ cargo build -p lameduck-test --all-features --example plain-axum
//! $ cargo run -p lameduck-test --features drill --bin lameduck-drill -- \
//!     -- target/debug/examples/plain-axum
//! ```

use std::{future::pending, io};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    #[expect(clippy::print_stdout, reason = "the drill reads it")]
    {
        println!("listening on http://{}", listener.local_addr()?);
    }
    // Nothing tells the handlers that the server stops, as in the stock examples.
    axum::serve(listener, lameduck_test::app(pending::<()>))
        .with_graceful_shutdown(async move {
            terminate.recv().await;
        })
        .await
}
