//! A query has its handler's deadline: Postgres ends it in time, and the connection is free again.
//!
//! Three things go wrong where a handler is dropped while it waits for its query. The query goes on
//! although its client is gone; the next handler gets the connection while the old answer is still
//! to come; or the pool loses the connection. `pool.rs` avoids all three.
//!
//! ```console
//! $ cargo run -p postgres-deadline -- --database 'host=localhost user=postgres'
//! $ curl -i http://127.0.0.1:8080/sleep/60    # 504 after a second; or press Ctrl-C before that
//! ```

use std::{error::Error, io, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use lameduck::{Lameduck, context::RequestContext};
use lameduck_test_support::{Arguments, announce};

use self::pool::{Failed, Pool};

mod pool;

/// How long each request may take.
const LIMIT: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Arguments::read(&["--database"]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    // One connection, so that a query which keeps it for too long shows at once.
    let database = args.get("--database").ok_or("write --database 'host=localhost …'")?;
    let pool = Pool::connect(database, 1).await?;
    let duck = Lameduck::builder().with_timeout(LIMIT).build();
    let app =
        Router::new().route("/sleep/{seconds}", get(sleep)).with_state(pool).layer(duck.layer());

    let listener = duck.bind(args.addr()).await?;
    announce("http", listener.local_addr()?);
    Ok(duck.serve_listener(listener, app).await.into())
}

/// Runs a query that takes so many seconds.
async fn sleep(
    context: RequestContext,
    State(pool): State<Pool>,
    Path(seconds): Path<f64>,
) -> Result<String, (StatusCode, String)> {
    let slept = async {
        let connection = pool.take(&context).await?;
        connection.query("SELECT pg_sleep($1)", &[&seconds]).await
    };
    match slept.await {
        Ok(rows) => Ok(format!("{} row after {seconds} s\n", rows.len())),
        Err(Failed::Late(why)) => Err((StatusCode::GATEWAY_TIMEOUT, why)),
        Err(Failed::Database(error)) => {
            Err((StatusCode::INTERNAL_SERVER_ERROR, format!("the database: {error}\n")))
        }
    }
}
