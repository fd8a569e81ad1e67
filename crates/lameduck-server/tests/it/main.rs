//! Real sockets, real `axum::serve`: what happens to connections when a server stops.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not `#[test]` functions themselves")]

mod accept_queue;
mod count;
mod expect;
mod force;
mod hold;
mod http2_only;
mod late;
mod listener_end;
mod notified;
#[cfg(feature = "serve")]
mod serve;
mod sockets;
#[cfg(all(feature = "serve", feature = "tls-ring"))]
mod tls;
mod tunnel;
#[cfg(unix)]
mod unix;
mod upgrade;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use http::{HeaderValue, header::CONNECTION};
use lameduck_core::{Phase, PhaseSender, PhaseWatch, StopDeadlines, phase_channel};
use lameduck_server::{Connections, Listener, SocketOptions};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, timeout},
};

/// No test waits longer than this, and usually much less.
const BOUND: Duration = Duration::from_secs(20);

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: duck\r\n\r\n";

/// The default options with a change.
fn sockets(change: impl FnOnce(&mut SocketOptions)) -> SocketOptions {
    let mut options = SocketOptions::new();
    change(&mut options);
    options
}

/// A server's connections and the phase they watch.
struct Duck {
    phase: PhaseSender,
    connections: Connections,
}

impl Duck {
    fn new(options: SocketOptions) -> Self {
        let (phase, watch) = phase_channel();
        phase.publish(Phase::Running);
        Self { phase, connections: Connections::new(watch, options) }
    }

    fn watch(&self) -> PhaseWatch {
        self.phase.watch()
    }

    /// Begins to drain, with so long for the accept queue.
    fn drain_within(&self, accept_queue: Duration) {
        let now = Instant::now().into_std();
        let mut deadlines = StopDeadlines::new();
        deadlines.draining_at = Some(now);
        deadlines.accept_queue_until = Some(now + accept_queue);
        self.phase.set_deadlines(deadlines);
        self.phase.publish(Phase::Draining);
    }

    /// A stock server on a free port of the loopback.
    async fn serve(&self, app: Router) -> (SocketAddr, JoinHandle<io::Result<()>>) {
        self.serve_listener("127.0.0.1:0", app).await
    }

    async fn serve_listener(
        &self,
        addr: &str,
        app: Router,
    ) -> (SocketAddr, JoinHandle<io::Result<()>>) {
        let listener = Listener::bind(addr, &self.connections).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let signal = self.connections.shutdown_signal();
        (addr, spawn(axum::serve(listener, app).with_graceful_shutdown(signal).into_future()))
    }
}

/// An app that says hello and, while draining, asks its clients to leave, as the drain layer does.
fn hello(watch: PhaseWatch) -> Router {
    Router::new().route("/", get(|| async { "hello" })).layer(from_fn_with_state(watch, tell))
}

async fn tell(State(watch): State<PhaseWatch>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if watch.current().is_stopping() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[expect(clippy::disallowed_methods, reason = "a test's own task")]
fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(future)
}

async fn within<T>(future: impl IntoFuture<Output = T>) -> T {
    timeout(BOUND, future).await.expect("this takes much too long")
}

/// A client that has connected and sent `bytes`, without a turn of the runtime.
fn connect_and_send(addr: SocketAddr, bytes: &[u8]) -> std::net::TcpStream {
    let mut client = std::net::TcpStream::connect(addr).unwrap();
    client.write_all(bytes).unwrap();
    client
}

fn into_tokio(client: std::net::TcpStream) -> TcpStream {
    client.set_nonblocking(true).unwrap();
    TcpStream::from_std(client).unwrap()
}

/// Sends a request on a kept connection and reads its answer.
async fn exchange(client: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    client.write_all(REQUEST).await.unwrap();
    read_answer(client).await.unwrap()
}

/// Reads one answer that has a content length.
async fn read_answer(client: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let len = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= len.map_or(0, |len| len.parse().unwrap()) {
                return Ok(text.into_owned());
            }
        }
        if within(client.read_buf(&mut answer)).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads until the server closes. A reset is an error.
async fn read_to_end(client: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    within(client.read_to_end(&mut bytes)).await?;
    Ok(bytes)
}

async fn assert_refused(addr: SocketAddr) {
    let error = within(TcpStream::connect(addr)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}
