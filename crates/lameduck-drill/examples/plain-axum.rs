//! The control of the drill: a stock server with a stock graceful shutdown, which loses requests.
//!
//! ```console
//! $ cargo build -p lameduck-test --all-features --example plain-axum --bin lameduck-drill
//! $ target/debug/lameduck-drill --runs 3 -- target/debug/examples/plain-axum
//! ```

use std::{env, future::pending, io};

use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let terminated = terminated()?;
    let addr = env::args().skip_while(|arg| arg != "--addr").nth(1);
    let listener = TcpListener::bind(addr.as_deref().unwrap_or("127.0.0.1:0")).await?;
    #[expect(clippy::print_stdout, reason = "the drill reads the address")]
    {
        println!("listening on http://{}", listener.local_addr()?);
    }
    // Nothing tells the handlers that the server stops, as in the stock examples.
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
