//! A server of our own on hyper: every connection decides for itself when it may leave.

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

/// Serves HTTP/1, and HTTP/2 with prior knowledge, until the listener has closed itself and every
/// connection is closed.
///
/// The service is any tower service of `Request<Incoming>`, such as an axum `Router`. Each
/// connection gets a clone of it, and so does each stream of HTTP/2, and a request that it is not
/// ready for at once. One that fails costs its connection, on HTTP/2 its stream, without an answer; a
/// request whose service is never ready has none either, and is closed by force at the end.
///
/// Beside a stock `axum::serve` with
/// [`Connections::shutdown_signal`](crate::Connections::shutdown_signal) this is what it gives:
///
/// - HTTP/2 clients get GOAWAY with [`LameDuck`](lameduck_core::Phase::LameDuck), while new
///   connections and streams are still served. A client that connects after that is served as
///   well, and told with its first stream, or after the first-byte grace.
/// - Each HTTP/1 connection is closed when its own hold or grace is over. One busy connection
///   holds up no other.
/// - A client that is still sending when its request was turned away reads the whole answer: see
///   [`HttpOptions::lingering_close`].
/// - It ends when the last socket is closed, WebSockets included.
/// - A quarter of a second after [`Forced`](lameduck_core::Phase::Forced) it closes what is left by
///   force: all [`Connections`](crate::Connections), also those of other listeners that feed them.
///   Until then, a layer that has dropped its handler may say so.
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

/// As [`serve`], with a service that is made for each connection from its peer's address.
///
/// For axum's `ConnectInfo<SocketAddr>`:
/// `serve_make_service(listener, move |peer| Extension(ConnectInfo(peer)).layer(app.clone()))`.
///
/// A `make` that panics ends the server.
pub const fn serve_make_service<L: SocketListener, F>(
    listener: Listener<L>,
    make: F,
) -> Serve<L, F> {
    Serve { listener, make, options: HttpOptions::new() }
}

/// A server. Made by [`serve`]; does nothing until it is awaited.
///
/// The connections are served in tasks that belong to the future: dropping it closes them, but
/// for those that were switched to another protocol. A panic in a connection's task costs only
/// that connection, on HTTP/2 only the stream.
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
