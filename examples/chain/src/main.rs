//! Three services, one deadline: each hop sees what is left, and all stop working together.
//!
//! The edge gives a request one second. It asks the middle (HTTP), which asks the database (gRPC).
//! None of the three has a word about time in its handler: the layers read and write it.
//!
//! ```console
//! $ cargo run -p chain -- database --addr 127.0.0.1:9003
//! $ cargo run -p chain -- middle --addr 127.0.0.1:9002 --next http://127.0.0.1:9003
//! $ cargo run -p chain -- edge --addr 127.0.0.1:9001 --next http://127.0.0.1:9002
//! $ curl -i 'http://127.0.0.1:9001/?takes_ms=5000'    # or press Ctrl-C before the second is over
//! ```

use std::{error::Error, io, process::ExitCode, time::Duration};

use axum::http::Uri;
use lameduck::Lameduck;

mod database;
mod edge;
mod flags;
mod middle;
mod wire;
mod work;

/// What the edge gives each request.
const LIMIT: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let flags = flags::Chain::from_env_or_exit();
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();
    let duck = Lameduck::new();
    let report = match flags.subcommand {
        flags::ChainCmd::Edge(flags) => {
            let app = edge::app(flags.next.parse::<Uri>()?);
            serve(duck.with_timeout(LIMIT), flags.addr, app).await?
        }
        flags::ChainCmd::Middle(flags) => {
            let app = middle::app(flags.next.parse::<Uri>()?);
            serve(trusting(duck), flags.addr, app).await?
        }
        flags::ChainCmd::Database(flags) => {
            database::serve(trusting(duck), &flags.addr.unwrap_or_else(any_port)).await?
        }
    };
    Ok(report.into())
}

/// Only the edge is public. The others take the time that they are given.
fn trusting(duck: Lameduck) -> Lameduck {
    use lameduck::context::InboundDeadline;
    duck.with_context(|context| context.with_inbound_deadline(InboundDeadline::new()))
}

async fn serve(
    duck: Lameduck,
    addr: Option<String>,
    app: axum::Router,
) -> io::Result<lameduck::Report> {
    let listener = duck.bind(addr.unwrap_or_else(any_port)).await?;
    lameduck_test_support::ExampleArgs::tell("http", listener.local_addr()?);
    let app = app.layer(duck.layer());
    Ok(duck.serve_listener(listener, app).await)
}

fn any_port() -> String {
    "127.0.0.1:0".to_owned()
}
