//! A server of our own on hyper: every connection decides for itself when it may leave.

mod drive;
mod handler;
mod leave;
mod live;
mod options;
mod run;
mod upload;
mod wire;

use std::{
    error::Error,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;

use self::options::Options;
use crate::{Listener, Source};

/// Serves HTTP/1, and HTTP/2 with prior knowledge, until the listener has closed itself and every
/// connection is closed.
///
/// The service is any tower service of `Request<Incoming>`, such as an axum `Router`. Each
/// connection gets a clone of it, and each request a clone of that.
///
/// Beside a stock `axum::serve` with
/// [`Connections::stop_accepting`](crate::Connections::stop_accepting) this is what it gives:
///
/// - HTTP/2 clients get GOAWAY with [`LameDuck`](lameduck_core::Phase::LameDuck), while new
///   connections and streams are still served. A client that connects after that is served as
///   well, and told at once.
/// - Each HTTP/1 connection is closed when its own hold or grace is over. One busy connection
///   holds up no other.
/// - A client that is still sending when its request was turned away reads the whole answer: see
///   [`Serve::with_lingering_close`].
/// - It ends when the last socket is closed, WebSockets included.
/// - With [`Forced`](lameduck_core::Phase::Forced) it closes what is left by force: all
///   [`Connections`](crate::Connections), also those of other listeners that feed them.
///
/// ```
/// # #[cfg(not(feature = "axum"))] fn main() {}
/// # #[cfg(feature = "axum")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::get};
/// use lameduck_core::{Phase, phase_channel};
/// use lameduck_server::{Connections, Listener, ServerOptions, serve};
///
/// let (phase, watch) = phase_channel();
/// let connections = Connections::new(watch, ServerOptions::new());
/// let listener = Listener::bind("127.0.0.1:0", &connections).await?;
/// let app = Router::new().route("/", get(|| async { "hello" }));
/// phase.publish(Phase::Draining); // by a signal, while the server runs
/// serve(listener, app).await;
/// assert_eq!(connections.count(), 0);
/// # Ok(())
/// # }
/// ```
pub fn serve<L, S>(
    listener: Listener<L>,
    service: S,
) -> Serve<L, impl FnMut(L::Addr) -> S + Send + 'static>
where
    L: Source,
    S: Clone + Send + 'static,
{
    serve_with(listener, move |_| service.clone())
}

/// As [`serve`], with a service that is made for each connection from its peer's address.
///
/// For axum's `ConnectInfo<SocketAddr>`:
/// `serve_with(listener, move |peer| Extension(ConnectInfo(peer)).layer(app.clone()))`.
///
/// A `make` that panics ends the server.
pub const fn serve_with<L: Source, F>(listener: Listener<L>, make: F) -> Serve<L, F> {
    Serve { listener, make, options: Options::new() }
}

/// A server. Made by [`serve`]; does nothing until it is awaited.
///
/// The connections are served in tasks that belong to the future: dropping it closes them, but
/// for those that were switched to another protocol. A panic in a connection's task costs only
/// that connection, on HTTP/2 only the stream.
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<L: Source, F> {
    listener: Listener<L>,
    make: F,
    options: Options,
}

impl<L: Source, F> Serve<L, F> {
    /// Sets how many connections may be open at a time. Those beyond it wait in the accept queue.
    ///
    /// By default there is no limit. The limit does not hold during the end of the listener: who
    /// is in the queue then is let in. Zero is taken for one.
    pub const fn with_max_connections(mut self, limit: usize) -> Self {
        self.options.max_connections = if limit == 0 { 1 } else { limit };
        self
    }

    /// Sets how long a client may take until the head of its request is whole.
    ///
    /// By default 75 s. On HTTP/1 it is counted from the accept (and once more from the first
    /// byte), and on a kept connection from the answer before. So it is also for how long an idle
    /// connection is kept: 15 s longer than usual load balancers keep theirs. HTTP/2 is only held
    /// to it until its preface is whole. `None` means for ever.
    pub const fn with_header_read_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.options.header_read_timeout = timeout;
        self
    }

    /// Sets how long a close may linger for an HTTP/1 client that is still sending.
    ///
    /// By default 5 s. A close on top of bytes that were not read is a reset, and a reset may
    /// destroy the answer before the client has read it. So our direction is closed first, and
    /// what comes is read and thrown away: until the client closes too, until nothing has come
    /// for 500 ms, until 64 MiB have come, or for this time. It is only done after a request with
    /// a body, or when unread bytes are seen. nginx takes 5 s and 30 s, which a stop has not.
    /// Zero switches it off.
    pub const fn with_lingering_close(mut self, time: Duration) -> Self {
        self.options.lingering_close = time;
        self
    }

    /// Sets after which time a connection is asked to make way for a new one, so that the load
    /// spreads over new servers.
    ///
    /// By default never. The age of each connection is up to a tenth shorter or longer, so that
    /// those that came together do not come back together. At that age HTTP/2 gets GOAWAY, and
    /// HTTP/1 `Connection: close` with its next answer. Nothing is closed by force, so no request
    /// is lost.
    pub const fn with_max_connection_age(mut self, age: Option<Duration>) -> Self {
        self.options.max_age = age;
        self
    }

    /// Sets after which silence an HTTP/2 client is asked whether it is still there (PING).
    ///
    /// By default never, for TCP does it too (see
    /// [`ServerOptions::with_tcp_keepalive`](crate::ServerOptions::with_tcp_keepalive)), but that
    /// asks the next proxy, not the client. A client that does not answer within 20 s is closed.
    pub const fn with_http2_keep_alive(mut self, interval: Option<Duration>) -> Self {
        self.options.http2_keep_alive = interval;
        self
    }
}

impl<L, F, S, B> IntoFuture for Serve<L, F>
where
    L: Source,
    F: FnMut(L::Addr) -> S + Send + 'static,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { listener, make, options } = self;
        Box::pin(run::run(listener, make, options))
    }
}

impl<L: Source, F> fmt::Debug for Serve<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, make: _, options } = self;
        f.debug_struct("Serve")
            .field("listener", listener)
            .field("options", options)
            .finish_non_exhaustive()
    }
}
