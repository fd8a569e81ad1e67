//! An axum server with one route: bare or with our layer on `axum::serve`, or with our layer on our
//! own server.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::{env, io};

use axum::Router;
use lameduck::Lameduck;
use lameduck_perf::{LIMIT, app, pin_to_cpu, runtime, serve, serving_duck};

fn main() -> io::Result<()> {
    match env::args().nth(1).unwrap_or_default().as_str() {
        "ours_bare" => serve(app()),
        "ours" => serve(app().layer(serving_duck()?.layer())),
        "own" => own_loop(app()),
        _ => Err(io::Error::other("server ours_bare|ours|own")),
    }
}

/// The three lines: on the loop of `Lameduck::serve`, with the whole layer around the router.
fn own_loop(app: Router) -> io::Result<()> {
    pin_to_cpu(0);
    runtime()?.block_on(async {
        let duck = Lameduck::builder().with_timeout(LIMIT).build();
        let listener = duck.bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let app = duck.wrap(app);
        let report = duck.serve_listener(listener, app).await;
        report.error().map_or(Ok(()), |error| Err(io::Error::other(error.to_owned())))
    })
}
