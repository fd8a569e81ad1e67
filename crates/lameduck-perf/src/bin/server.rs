//! An axum server with nothing or our layer around its one route, on axum's loop or on ours.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::{env, io};

use axum::Router;
use lameduck::Lameduck;
use lameduck_perf::{LIMIT, app, pin_to_cpu, runtime, serve, serving_duck};
use tower::Layer as _;

fn main() -> io::Result<()> {
    match env::args().nth(1).unwrap_or_default().as_str() {
        "ours_bare" => serve(app()),
        "ours" => serve(app().layer(serving_duck()?.layer())),
        "own" => own_loop(app(), true),
        "own_bare" => own_loop(app(), false),
        _ => Err(io::Error::other("server ours_bare|ours|own|own_bare")),
    }
}

/// The same on the loop of `Lameduck::serve`, with the whole layer around the router, or none.
fn own_loop(app: Router, whole: bool) -> io::Result<()> {
    pin_to_cpu(0);
    runtime()?.block_on(async {
        let duck = Lameduck::new().with_timeout(LIMIT);
        let listener = duck.bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let report = if whole {
            let service = duck.layer().layer(app.with_state(()));
            duck.serve_each_on(listener, move |_| service.clone()).await
        } else {
            duck.serve_on(listener, app).await
        };
        report.error().map_or(Ok(()), |error| Err(io::Error::other(error.to_owned())))
    })
}
