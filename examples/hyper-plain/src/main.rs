//! An accept loop of your own on hyper, for HTTP/1, HTTP/2 and upgrades.
//!
//! For programs that serve connections themselves. The listener closes itself, and hyper-util's
//! `GracefulShutdown` passes the shutdown signal on to each connection.
//!
//! ```console
//! $ cargo run -p hyper-plain -- --addr 127.0.0.1:8080
//! $ curl -i --http2-prior-knowledge http://127.0.0.1:8080
//! $ kill -TERM "$(pidof hyper-plain)"
//! ```

use std::{io, pin::pin, process::ExitCode};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use lameduck::{Lameduck, Phase, StopTimeouts};
use lameduck_test_support::{Arguments, announce};
use tokio::net::TcpListener;
use tower::Layer;

#[tokio::main]
async fn main() -> io::Result<ExitCode> {
    let args = Arguments::read(&[]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    let timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let duck = Lameduck::builder().with_stop_timeouts(timeouts).build();
    // Any tower service works. This one has streams and WebSockets, which end when draining begins.
    let watch = duck.watch();
    let app = lameduck_drill::app(move || watch.reached(Phase::Draining));
    let app = TowerToHyperService::new(duck.layer().layer(app));

    let listener = TcpListener::bind(args.addr()).await?;
    announce("http", listener.local_addr()?);

    let mut listener = duck.listener(listener);
    let hyper = auto::Builder::new(TokioExecutor::new());
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(duck.shutdown_signal());
    loop {
        let io = tokio::select! {
            (io, _) = listener.accept() => TokioIo::new(io),
            // After the listener has closed, and each idle client was notified or had its grace.
            () = &mut stop => break,
        };
        let connection = hyper.serve_connection_with_upgrades(io, app.clone()).into_owned();
        serve(graceful.watch(connection));
    }
    graceful.shutdown().await;
    Ok(duck.finished().await.into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "every connection is counted, and ends with the stop"
)]
fn serve<F: Future<Output: Send> + Send + 'static>(connection: F) {
    // An error concerns only hyper and the client.
    tokio::spawn(async { drop(connection.await) });
}
