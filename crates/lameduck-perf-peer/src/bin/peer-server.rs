//! An axum server with nothing or tower-http's layers around its one route.

use std::{env, io};

use lameduck_perf_peer::{app, same_jobs, serve, typical};

fn main() -> io::Result<()> {
    // Each in its best form: one `layer` call for all of them.
    match env::args().nth(1).unwrap_or_default().as_str() {
        "bare" => serve(app()),
        "typical" => serve(app().layer(typical())),
        "same_jobs" => serve(app().layer(same_jobs())),
        _ => Err(io::Error::other("peer-server bare|typical|same_jobs")),
    }
}
