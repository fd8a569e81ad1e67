//! A live axum server that stops without losing a request.
//!
//! ```console
//! $ cargo run -p demo-server -- --addr 127.0.0.1:8080
//! $ kill -TERM "$(pidof demo-server)"    # or press Ctrl-C
//! ```

use std::{io, process::ExitCode};

use lameduck::{Lameduck, Phase, Report, server::Listener};

mod flags;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = flags::DemoServer::from_env_or_exit();
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    // From here on signals are heard.
    let duck = Lameduck::new()
        .with_stop_timeouts(flags.windows())
        .on_start("database", async || { /* open the pool */ })
        .on_stop("database", async || { /* close the pool */ });

    // Streams and WebSockets are told when the drain begins, so that they can say goodbye. The
    // other handlers need not know anything.
    let watch = duck.watch();
    let app = lameduck_drill::app(move || watch.reached(Phase::Draining))
        .route_service("/readyz", duck.readyz())
        .route_service("/livez", duck.livez());
    let app = duck.wrap(app);

    // `duck.serve(addr, app)` does all of this, for a port that is known.
    match duck.bind(flags.addr()).await {
        Ok(listener) => {
            tell_port(&listener);
            duck.serve_listener(listener, app).await.into()
        }
        Err(error) => Report::not_started(error).into(),
    }
}

#[expect(clippy::print_stdout, reason = "the first line tells the port to whoever started it")]
fn tell_port(listener: &Listener) {
    if let Ok(addr) = listener.local_addr() {
        println!("listening on http://{addr}");
    }
}
