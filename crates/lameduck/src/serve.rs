//! The three-line start.

use std::io;

use axum::{
    BoxError,
    body::{Body, HttpBody},
};
use http::{Extensions, Request, Response};
use hyper::body::Incoming;
use lameduck_lifecycle::Report;
use lameduck_server::{AxumListener, HttpOptions, Listener, Source, serve_make_service};
use tokio::net::ToSocketAddrs;
use tower_service::Service;

use crate::{IntoService, Lameduck, adapt::Adapted};

impl Lameduck {
    /// Binds, runs the start hooks, serves until a stop, and returns its report.
    ///
    /// HTTP/1, and HTTP/2 with prior knowledge, on the server of [`serve_make_service`], whose options are
    /// set by [`with_serve`](Self::with_http).
    ///
    /// Connections that come during the start hooks wait in the accept queue. Handlers of an app
    /// [`with_connect_info`](IntoService::with_connect_info) can extract `ConnectInfo<SocketAddr>`. An address
    /// that cannot be bound is a report too: its outcome is
    /// [`NotStarted`](crate::Outcome::NotStarted), and no hook ran.
    ///
    /// Made into an exit code with `into()`, the report is the end of `main`; see [`Report`].
    pub async fn serve(self, addr: impl ToSocketAddrs, app: impl IntoService) -> Report {
        match self.bind(addr).await {
            Ok(listener) => self.serve_listener(listener, app).await,
            Err(error) => Report::not_started(error),
        }
    }

    /// Binds, and no more: for those who want to know the port before they
    /// [serve on it](Self::serve_listener).
    ///
    /// # Errors
    ///
    /// The address, what the system says about it, and what to do.
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<Listener> {
        Listener::bind(addr, self.connections()).await
    }

    /// Wraps a listener, TCP or Unix, for a stock `axum::serve`, and starts.
    ///
    /// Handlers can extract `ConnectInfo<SocketAddr>`, on TCP.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn axum_listener<L: Source>(&self, listener: L) -> AxumListener<L> {
        self.listener(listener).into_axum()
    }

    /// As [`serve`](Self::serve), on a listener from [`bind`](Self::bind) or
    /// [`listener`](Self::listener): TCP or Unix, encrypted or not.
    ///
    /// Handlers of an app [`with_connect_info`](IntoService::with_connect_info) can extract `ConnectInfo` of the
    /// listener's kind of address.
    pub async fn serve_listener<L: Source, A: IntoService>(
        self,
        listener: Listener<L>,
        app: A,
    ) -> Report {
        let app = app.into_service();
        let make = move |peer: L::Addr| Adapted::new(app.clone(), A::extensions(peer));
        self.run_on(listener, make).await
    }

    /// As [`serve_listener`](Self::serve_listener), with any service, made for each connection from its peer's
    /// address.
    ///
    /// Such as one that has more around it than the layer:
    ///
    /// ```no_run
    /// # use axum::{Router, routing::get};
    /// # use lameduck::Lameduck;
    /// # #[tokio::main] async fn main() -> std::process::ExitCode {
    /// use tower::{Layer, limit::ConcurrencyLimitLayer};
    ///
    /// let duck = Lameduck::new();
    /// let app = duck.wrap(Router::new().route("/", get(async || "hello")));
    /// let listener = duck.bind("0.0.0.0:8080").await.expect("the port is free");
    /// // So many requests at once on each connection.
    /// let make = move |_| ConcurrencyLimitLayer::new(10).layer(app.clone());
    /// duck.serve_make_service(listener, make).await.into()
    /// # }
    /// ```
    ///
    /// There is no `ConnectInfo` but what `make` adds. A `make` that panics ends the server.
    pub async fn serve_make_service<L, F, S, B>(self, listener: Listener<L>, mut make: F) -> Report
    where
        L: Source,
        F: FnMut(L::Addr) -> S + Send + 'static,
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        self.run_on(listener, move |peer| Adapted::new(make(peer), Extensions::new())).await
    }

    async fn run_on<L, F, S, B>(self, listener: Listener<L>, make: F) -> Report
    where
        L: Source,
        F: FnMut(L::Addr) -> S + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let running = self.start();
        let server = serve_make_service(listener, make).with_options(self.serve.clone());
        let finished = running.finished();
        tokio::select! {
            // The server ends when the last connection does, and the report comes after that.
            // Without connections that end, the report comes first.
            biased;
            report = finished => report,
            () = server.into_future() => running.finished().await,
        }
    }

    /// Changes how connections are served by [`serve`](Self::serve): how many, and for how long.
    /// By default as [`HttpOptions::new`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use lameduck::Lameduck;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let duck = Lameduck::new().with_http(|serve| {
    ///     serve
    ///         .with_max_connections(10_000)
    ///         .with_max_connection_age(Some(Duration::from_secs(600)))
    /// });
    /// # drop(duck); }
    /// ```
    pub fn with_http(mut self, change: impl FnOnce(HttpOptions) -> HttpOptions) -> Self {
        self.serve = change(self.serve);
        self
    }
}
