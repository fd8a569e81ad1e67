//! The server of `cargo xtask demo` and `cargo xtask drill`: all the paths that their clients ask.
//!
//! It runs on lameduck as a whole. Two other binaries serve the same paths, for comparison:
//! `wrapped-axum` is `axum::serve` with lameduck's listener and layer, and `stock-axum` is
//! `axum::serve` with its own graceful shutdown, which loses requests.
//!
//! ```console
//! $ cargo run -p demo-server --bin demo-server -- --addr 127.0.0.1:8080
//! $ curl -i 'http://127.0.0.1:8080/slow?ms=3000' &
//! $ kill -TERM "$(pidof demo-server)"    # or press Ctrl-C
//! ```

use std::{io, process::ExitCode};

use lameduck::{Lameduck, Phase, Report, StopTimeouts};
use lameduck_test_support::{Arguments, announce};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Arguments::read(&["--drain", "--cancel"]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    // Signals are caught from here on.
    let duck = Lameduck::builder()
        .with_stop_timeouts(stop_timeouts(&args))
        .on_start("database", async || { /* open the pool */ })
        .on_stop("database", async || { /* close the pool */ })
        .build();

    // Event streams and WebSockets end when the drain begins. The other handlers need no change.
    let watch = duck.watch();
    let app = duck.wrap(lameduck_drill::app(move || watch.reached(Phase::Draining)));

    // With a port that is known, `duck.serve(addr, app)` does all of this.
    match duck.bind(args.addr()).await {
        Ok(listener) => {
            if let Ok(addr) = listener.local_addr() {
                announce("http", addr);
            }
            duck.serve_listener(listener, app).await.into()
        }
        Err(error) => Report::not_started(error).into(),
    }
}

/// The default timeouts, except for those that were given as arguments.
fn stop_timeouts(args: &Arguments) -> StopTimeouts {
    let mut timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    if let Some(drain) = args.millis("--drain") {
        let accept_queue = timeouts.accept_queue().min(drain);
        timeouts = timeouts.with_drain(drain).with_accept_queue(accept_queue);
    }
    if let Some(cancel) = args.millis("--cancel") {
        timeouts = timeouts.with_cancel(cancel);
    }
    timeouts
}
