//! An axum server with nothing, theirs or ours around its one route.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::{env, io};

use axum::{Router, routing::get};
use lameduck::Lameduck;
use lameduck_perf::{LIMIT, pin_to_cpu, runtime, same_jobs, serving_duck, typical};
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let mode = env::args().nth(1).unwrap_or_default();
    let app = Router::new().route("/", get(async || "hello"));
    if let "own" | "own_bare" = mode.as_str() {
        return own_loop(app, mode == "own");
    }
    // Each in its best form: one `layer` call for all of them.
    let app = match mode.as_str() {
        "bare" => app,
        "typical" => app.layer(typical()),
        "same_jobs" => app.layer(same_jobs()),
        "ours" => app.layer(serving_duck()?.layer()),
        _ => return Err(io::Error::other("server bare|typical|same_jobs|ours|own|own_bare")),
    };
    // One worker on one processor: what is measured is its time, not the scheduler's.
    pin_to_cpu(0);
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, app).await
    })
}

/// The same on the loop of `Lameduck::serve`, with the whole layer or none.
fn own_loop(app: Router, whole: bool) -> io::Result<()> {
    pin_to_cpu(0);
    runtime()?.block_on(async {
        let duck = Lameduck::new().with_timeout(LIMIT);
        let app = if whole { app.layer(duck.layer()) } else { app };
        let listener = duck.bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let report = duck.serve_on(listener, app).await;
        report.error().map_or(Ok(()), |error| Err(io::Error::other(error.to_owned())))
    })
}
