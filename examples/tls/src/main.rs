//! TLS with HTTP/2, a certificate that is replaced at SIGHUP, and a stop without a reset.
//!
//! ```console
//! $ TLS_DIR=/etc/tls cargo run -p tls -- --addr 127.0.0.1:8443
//! $ curl -k -i https://127.0.0.1:8443
//! $ kill -HUP "$(pidof tls)"     # after `tls.crt` and `tls.key` were replaced
//! $ kill -TERM "$(pidof tls)"
//! ```

use std::{
    collections::HashMap, env, error::Error, io, path::PathBuf, process::ExitCode, time::Duration,
};

use axum::{Router, extract::Query, routing::get};
use lameduck::{Lameduck, StopTimeouts, server::Tls};
use lameduck_test_support::{Arguments, announce};
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Arguments::read(&[]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    // The names under which Kubernetes mounts a secret of type `kubernetes.io/tls`.
    let dir = PathBuf::from(env::var_os("TLS_DIR").unwrap_or_else(|| "/etc/tls".into()));
    let tls = Tls::from_pem_files(dir.join("tls.crt"), dir.join("tls.key"))?;

    let timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let duck = Lameduck::builder().with_stop_timeouts(timeouts).with_tls_reload(&tls).build();
    let app = Router::new()
        .route("/", get(async || "hello\n"))
        .route("/slow", get(slow))
        .layer(duck.layer());

    let listener = duck.bind(args.addr()).await?.with_tls(&tls);
    announce("https", listener.local_addr()?);
    Ok(duck.serve_listener(listener, app).await.into())
}

/// `GET /slow?ms=N` is answered after N milliseconds.
async fn slow(query: Query<HashMap<String, u64>>) -> String {
    let ms = query.get("ms").copied().unwrap_or_default();
    sleep(Duration::from_millis(ms)).await;
    format!("slept {ms} ms")
}
