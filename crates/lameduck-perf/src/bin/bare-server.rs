//! An axum server with nothing around its one route, on our loop.
//!
//! A program of its own: of two services on one loop in one program the compiler makes other code
//! than of one, and a server has one.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::{env, io};

use lameduck::Lameduck;
use lameduck_perf::{LIMIT, app, pin_to_cpu, runtime};

fn main() -> io::Result<()> {
    if env::args().nth(1).as_deref() != Some("own_bare") {
        return Err(io::Error::other("bare-server own_bare"));
    }
    pin_to_cpu(0);
    runtime()?.block_on(async {
        let duck = Lameduck::builder().with_timeout(LIMIT).build();
        let listener = duck.bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let report = duck.serve_listener(listener, app()).await;
        report.error().map_or(Ok(()), |error| Err(io::Error::other(error.to_owned())))
    })
}
