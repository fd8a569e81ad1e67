//! Three services, one deadline: each hop has the remaining time, and all stop working together.
//!
//! The edge gives a request one second. It asks the middle (HTTP), which asks the database (gRPC).
//! No handler mentions time: the layers read and write the deadline.
//!
//! ```console
//! $ cargo run -p chain -- database --addr 127.0.0.1:9003
//! $ cargo run -p chain -- middle --addr 127.0.0.1:9002 --next http://127.0.0.1:9003
//! $ cargo run -p chain -- edge --addr 127.0.0.1:9001 --next http://127.0.0.1:9002
//! $ curl -i 'http://127.0.0.1:9001/?takes_ms=5000'    # or press Ctrl-C within the second
//! ```

use std::{error::Error, io, process::ExitCode, time::Duration};

use axum::http::Uri;
use lameduck::{
    Lameduck, LameduckBuilder,
    context::{ContextOptions, InboundDeadline},
};
use lameduck_test_support::{Arguments, announce};

mod database;
mod edge;
mod middle;
mod wire;
mod work;

/// How long a request to the edge may take.
const LIMIT: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Arguments::read(&["--next"]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();
    let duck = Lameduck::builder();
    let next = args.get("--next").unwrap_or_default();
    let report = match args.word() {
        Some("edge") => {
            let app = edge::app(next.parse::<Uri>()?);
            serve(duck.with_timeout(LIMIT).build(), args.addr(), app).await?
        }
        Some("middle") => {
            let app = middle::app(next.parse::<Uri>()?);
            serve(trusting(duck), args.addr(), app).await?
        }
        Some("database") => database::serve(trusting(duck), args.addr()).await?,
        _ => return Err("name a service first: edge, middle or database".into()),
    };
    Ok(report.into())
}

/// Only the edge is public. The other services trust the deadline that their caller sends.
fn trusting(duck: LameduckBuilder) -> Lameduck {
    let trust = |options: &mut ContextOptions| {
        options.inbound_deadline = Some(InboundDeadline::new());
    };
    duck.with_context(|context| context.with_options(trust)).build()
}

async fn serve(duck: Lameduck, addr: &str, app: axum::Router) -> io::Result<lameduck::Report> {
    let listener = duck.bind(addr).await?;
    announce("http", listener.local_addr()?);
    let app = app.layer(duck.layer());
    Ok(duck.serve_listener(listener, app).await)
}
