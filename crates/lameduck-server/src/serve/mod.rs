//! The own server, on hyper: it decides for each connection when it ends.

mod answer;
mod drive;
mod frames;
mod handler;
mod http1;
mod http2;
mod leave;
mod link;
mod live;
mod options;
mod run;
mod streams;
mod wire;

use std::{
    error::Error,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;

pub use self::options::HttpOptions;
use crate::{InvalidOption, Listener, SocketListener};

/// Serves HTTP/1, and HTTP/2 with prior knowledge, until the listener has closed and every
/// connection is closed.
///
/// The service is any tower service of `Request<Incoming>`, such as an axum `Router`. Each
/// connection gets a clone of it, and so does each HTTP/2 stream, and each request for which the
/// service is not ready at once. If the service fails, its connection (on HTTP/2 its stream) ends
/// without an answer. A request whose service is never ready gets none either, and is closed by
/// force at the end.
///
/// Unlike a stock `axum::serve` with
/// [`Connections::shutdown_signal`](crate::Connections::shutdown_signal):
///
/// - HTTP/2 clients get GOAWAY with [`LameDuck`](lameduck_core::Phase::LameDuck), while new
///   connections and streams are still served. A client that connects after that is served, and is
///   notified with its first stream, or after the first-byte grace.
/// - Each HTTP/1 connection is closed when its own grace is over. A busy connection delays no
///   other.
/// - A client that is still sending when its request is rejected reads the whole answer: see
///   [`HttpOptions::lingering_close`].
/// - The server ends when the last socket is closed, WebSockets included.
/// - After [`Forced`](lameduck_core::Phase::Forced), at the
///   [deadline](lameduck_core::StopDeadlines::abort_at) of the stop, the server aborts all
///   [`Connections`](crate::Connections), also those of other listeners. Until then, a layer that
///   has dropped its handler may answer. Without a deadline that is a quarter of a second.
///
/// ```
/// # #[cfg(not(feature = "axum"))] fn main() {}
/// # #[cfg(feature = "axum")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::get};
/// use lameduck_core::{Phase, phase_channel};
/// use lameduck_server::{Connections, Listener, SocketOptions, serve};
///
/// let (phase, watch) = phase_channel();
/// let connections = Connections::new(watch, SocketOptions::new());
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
    L: SocketListener,
    S: Clone + Send + 'static,
{
    serve_make_service(listener, move |_| service.clone())
}

/// As [`serve`], with a service that is made for each connection from its client's address.
///
/// For axum's `ConnectInfo<SocketAddr>`: `serve_make_service(listener, move |peer|
/// Extension(ConnectInfo(peer)).layer(app.clone()))`.
///
/// A `make` that panics ends the server.
pub const fn serve_make_service<L: SocketListener, F>(
    listener: Listener<L>,
    make: F,
) -> Serve<L, F> {
    Serve { listener, make, options: HttpOptions::new() }
}

/// A server. Made by [`serve`]; it does nothing until it is awaited.
///
/// The connections are served in tasks that belong to the future: its drop closes them, except
/// upgraded ones. A panic in the task of a connection ends only that connection, on HTTP/2 only the
/// stream.
#[must_use = "a server does nothing unless awaited"]
pub struct Serve<L: SocketListener, F> {
    listener: Listener<L>,
    make: F,
    options: HttpOptions,
}

impl<L: SocketListener, F> Serve<L, F> {
    /// Sets limits, timeouts and ages. By default as [`HttpOptions::new`].
    ///
    /// # Errors
    ///
    /// If an option cannot work, see [`HttpOptions::check`].
    pub fn with_options(mut self, options: HttpOptions) -> Result<Self, InvalidOption> {
        options.check()?;
        self.options = options;
        Ok(self)
    }
}

impl<L, F, S, B> IntoFuture for Serve<L, F>
where
    L: SocketListener,
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

impl<L: SocketListener, F> fmt::Debug for Serve<L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listener, make: _, options } = self;
        f.debug_struct("Serve")
            .field("listener", listener)
            .field("options", options)
            .finish_non_exhaustive()
    }
}
