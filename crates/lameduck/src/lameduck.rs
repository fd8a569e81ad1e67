//! The handle on a server's life.

#[cfg(feature = "axum")]
use std::io;
use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

#[cfg(feature = "axum")]
use axum::{
    BoxError, Router,
    body::{Body, HttpBody},
    routing::get_service,
};
use futures_core::Stream;
#[cfg(feature = "axum")]
use http::{Extensions, Request, Response};
#[cfg(feature = "axum")]
use hyper::body::Incoming;
use lameduck_context::ContextLayer;
use lameduck_core::{Phase, PhaseWatch};
use lameduck_drain::{DrainLayer, Livez, Readyz, UntilDrain, UntilDrainLayer, until_drain};
use lameduck_inflight::InFlight;
use lameduck_lifecycle::{Lifecycle, LifecycleHandle, Report, StopHandle};
#[cfg(feature = "axum")]
use lameduck_server::{AxumListener, serve_make_service};
use lameduck_server::{Connections, Listener, SocketListener, SocketOptions};
#[cfg(feature = "axum")]
use tokio::net::ToSocketAddrs;
use tokio::runtime::Handle;
#[cfg(feature = "axum")]
use tower_layer::Layer as _;
#[cfg(feature = "axum")]
use tower_service::Service;

#[cfg(feature = "axum")]
use crate::{IntoService, WrappedRouter, adapted::Adapted};
use crate::{LameduckBuilder, LameduckLayer, wiring};

/// The life of a server, from its first start hook to its exit code.
///
/// A cheap handle: clones share one life. Its layer goes on the router, its listener under the
/// server. It starts when the server serves: with [`serve`](Self::serve), with its listener, or
/// with a wait for a part of the stop. A signal before that is kept. See the [crate docs](crate)
/// for both ways to use it.
#[derive(Clone)]
#[must_use = "a lameduck has no effect until it serves, or its listener does"]
pub struct Lameduck {
    inner: Arc<Inner>,
}

struct Inner {
    /// Taken at the start.
    lifecycle: Mutex<Option<Lifecycle>>,
    running: OnceLock<LifecycleHandle>,
    /// Whether a caller has tried to bind, and has the error.
    is_used: AtomicBool,
    /// Whether a stock server waits for the stop.
    has_stock_server: Arc<AtomicBool>,
    stop: StopHandle,
    watch: PhaseWatch,
    in_flight: InFlight,
    drain: DrainLayer,
    context: ContextLayer,
    connections: Connections,
    #[cfg(feature = "axum")]
    http: lameduck_server::HttpOptions,
    #[cfg(feature = "axum")]
    probes: bool,
}

/// What a builder makes the handle from.
pub(crate) struct Parts {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) in_flight: InFlight,
    pub(crate) drain: DrainLayer,
    pub(crate) context: ContextLayer,
    pub(crate) sockets: SocketOptions,
    #[cfg(feature = "axum")]
    pub(crate) http: lameduck_server::HttpOptions,
    #[cfg(feature = "axum")]
    pub(crate) probes: bool,
}

impl Lameduck {
    /// Makes a server's life with the defaults: as `Lameduck::builder().build()`.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Makes the options of a server's life, with their defaults.
    pub fn builder() -> LameduckBuilder {
        LameduckBuilder::new()
    }

    pub(crate) fn from_parts(parts: Parts) -> Self {
        let Parts { lifecycle, in_flight, drain, context, sockets, .. } = parts;
        let (watch, stop) = (lifecycle.watch(), lifecycle.stop_handle());
        let inner = Inner {
            lifecycle: Mutex::new(Some(lifecycle)),
            running: OnceLock::new(),
            is_used: AtomicBool::new(false),
            has_stock_server: Arc::default(),
            stop,
            in_flight,
            drain,
            context,
            connections: Connections::new(watch.clone(), sockets),
            watch,
            #[cfg(feature = "axum")]
            http: parts.http,
            #[cfg(feature = "axum")]
            probes: parts.probes,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The layer for a router or service: it counts requests, rejects them while draining, and
    /// gives them a context.
    ///
    /// Each request must pass it once. A second layer, or [`wrap`](Self::wrap) as well, counts it
    /// twice.
    #[must_use]
    pub fn layer(&self) -> LameduckLayer {
        let Inner { in_flight, drain, context, .. } = &*self.inner;
        wiring::layer(in_flight.clone(), drain.clone(), context.clone())
    }

    /// Wraps a listener, TCP or Unix, for an accept loop of your own, and starts. For
    /// `axum::serve`, see `axum_listener`.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn listener<L: SocketListener>(&self, listener: L) -> Listener<L> {
        self.start();
        Listener::new(listener, self.connections())
    }

    /// Completes when a stock server should shut its connections down.
    ///
    /// For `with_graceful_shutdown`. It completes later than the end of accepting, which the
    /// listener does by itself: until then, idle connections are kept so that their clients can
    /// be notified.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.start();
        self.inner.has_stock_server.store(true, Ordering::Relaxed);
        self.connections().shutdown_signal()
    }

    /// Completes with the report when the stop is over.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub fn finished(&self) -> impl Future<Output = Report> + Send + 'static + use<> {
        let duck = self.clone();
        async move { duck.start().finished().await }
    }

    /// The phase.
    #[must_use]
    pub fn watch(&self) -> PhaseWatch {
        self.inner.watch.clone()
    }

    /// A handle that begins a stop, escalates it, or cancels it.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.inner.stop.clone()
    }

    /// The requests in flight. Guards made here keep the drain open for work that no layer sees.
    #[must_use]
    pub fn in_flight(&self) -> &InFlight {
        &self.inner.in_flight
    }

    /// The open connections.
    #[must_use]
    pub fn connections(&self) -> &Connections {
        &self.inner.connections
    }

    /// A service for `/readyz`: 200 while running, else 503.
    #[must_use]
    pub fn readyz(&self) -> Readyz {
        Readyz::new(self.watch())
    }

    /// A service for `/livez`: 200 as long as the process answers, also while it drains.
    #[must_use]
    pub fn livez(&self) -> Livez {
        Livez::new()
    }

    /// A layer for routes of event streams: they end when draining begins, and say when to come
    /// back. See [`UntilDrainLayer`].
    pub fn end_streams(&self) -> UntilDrainLayer {
        UntilDrainLayer::new(self.watch())
    }

    /// Ends a stream when draining begins, see [`until_drain`]. A handler, which has no `Lameduck`,
    /// takes a [`watch`](Self::watch) and calls that function.
    pub fn until_drain<S: Stream>(&self, stream: S) -> UntilDrain<S> {
        until_drain(stream, self.watch())
    }

    /// Completes when the server begins to reject requests: the last moment to notify streams and
    /// WebSockets. Starts, so that a stop is seen. A handler takes a [`watch`](Self::watch)
    /// instead.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.start();
        self.inner.watch.reached(Phase::Draining)
    }

    /// Completes when all clients that were connected at the begin of a stop are notified of it.
    /// From then on streams may end, although the server still serves.
    ///
    /// A handler takes a clone of [`connections`](Self::connections) instead, and waits for
    /// [`all_notified`](Connections::all_notified), which says which clients it waits for.
    pub fn all_notified(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let connections = self.connections().clone();
        async move { connections.all_notified().await }
    }

    /// Starts the lifecycle, if it has not started.
    fn start(&self) -> &LifecycleHandle {
        let Inner { lifecycle, running, in_flight, drain, connections, .. } = &*self.inner;
        running.get_or_init(|| {
            // Panics before anything is taken, if there is no runtime.
            let _ = Handle::current();
            let lifecycle = lifecycle.lock().unwrap_or_else(PoisonError::into_inner).take();
            // There: this runs once.
            let lifecycle = lifecycle.unwrap_or_default();
            let has_stock_server = Arc::clone(&self.inner.has_stock_server);
            let rejections = drain.rejections();
            wiring::work(lifecycle, in_flight, rejections, connections, has_stock_server).spawn()
        })
    }
}

/// On axum.
#[cfg(feature = "axum")]
impl Lameduck {
    /// Puts the [layer](Self::layer) around a whole router, and adds the routes `/livez` and
    /// `/readyz` to it.
    ///
    /// The cheapest place for the layer: on the routes, axum adds four allocations for each request
    /// and some 1,500 instructions, a tenth of what it needs for one (`cargo xtask perf`). Two
    /// things are different here. Requests are counted before their route is known, so
    /// [`blockers`](InFlight::blockers) names them by their path. And the layers of the router are
    /// inside: a rejection has no CORS headers, which a page from another origin needs to read its
    /// status. Where one of them matters, put [`layer`](Self::layer) and [`probes`](Self::probes)
    /// on the router, and not `wrap`: both together count each request twice.
    ///
    /// The probes are exempt from the drain.
    /// [`without_probes`](LameduckBuilder::without_probes) leaves them out.
    ///
    /// # Panics
    ///
    /// If the router has a route `/livez` or `/readyz` of its own, as axum does for a route that is
    /// added twice. Use [`without_probes`](LameduckBuilder::without_probes) then.
    #[track_caller]
    pub fn wrap(&self, app: Router) -> WrappedRouter {
        let app = if self.inner.probes { wiring::merge(self.probes(), app) } else { app };
        // The state once, so that nothing is left to be done for each request.
        self.layer().layer(app.with_state(()))
    }

    /// The routes `/livez` and `/readyz`, for `Router::merge`.
    ///
    /// [`wrap`](Self::wrap) adds them by itself.
    pub fn probes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/livez", get_service(self.livez()))
            .route("/readyz", get_service(self.readyz()))
    }

    /// Binds, runs the start hooks, serves until a stop, and returns its report.
    ///
    /// HTTP/1, and HTTP/2 with prior knowledge, on the server of
    /// [`serve_make_service`](lameduck_server::serve_make_service), whose options
    /// [`with_http`](LameduckBuilder::with_http) sets.
    ///
    /// Connections that come during the start hooks wait in the accept queue. Handlers of an app
    /// [`with_connect_info`](IntoService::with_connect_info) can extract `ConnectInfo<SocketAddr>`.
    /// An address that cannot be bound is a report as well: its outcome is
    /// [`NotStarted`](crate::Outcome::NotStarted), and no hook ran.
    ///
    /// Converted into an exit code with `into()`, the report is the end of `main`, see [`Report`].
    pub fn serve<T, A>(&self, addr: T, app: A) -> impl Future<Output = Report> + use<T, A>
    where
        T: ToSocketAddrs,
        A: IntoService,
    {
        let duck = self.clone();
        async move {
            match duck.bind(addr).await {
                Ok(listener) => duck.serve_listener(listener, app).await,
                Err(error) => Report::not_started(error),
            }
        }
    }

    /// Binds, and does not start: for programs that need the port before they
    /// [serve](Self::serve_listener).
    ///
    /// # Errors
    ///
    /// The address, the error of the system, and what to do.
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<Listener> {
        let bound = Listener::bind(addr, self.connections()).await;
        if bound.is_err() {
            // A caller that now ends knows why.
            self.inner.is_used.store(true, Ordering::Relaxed);
        }
        bound
    }

    /// Wraps a listener, TCP or Unix, for a stock `axum::serve`, and starts.
    ///
    /// Handlers can extract `ConnectInfo<SocketAddr>`, on TCP.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn axum_listener<L: SocketListener>(&self, listener: L) -> AxumListener<L> {
        self.listener(listener).into_axum()
    }

    /// As [`serve`](Self::serve), on a listener from [`bind`](Self::bind) or
    /// [`listener`](Self::listener): TCP or Unix, encrypted or not.
    ///
    /// Handlers of an app [`with_connect_info`](IntoService::with_connect_info) can extract
    /// `ConnectInfo` with the kind of address of the listener.
    pub fn serve_listener<L, A>(
        &self,
        listener: Listener<L>,
        app: A,
    ) -> impl Future<Output = Report> + use<L, A>
    where
        L: SocketListener,
        A: IntoService,
    {
        let app = app.into_service();
        self.run(listener, move |peer: L::Addr| Adapted::new(app.clone(), A::extensions(peer)))
    }

    /// As [`serve_listener`](Self::serve_listener), with any service, made for each connection from
    /// the address of its peer.
    ///
    /// For example with more around it than the layer:
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
    /// // At most ten requests at once on each connection.
    /// let make = move |_| ConcurrencyLimitLayer::new(10).layer(app.clone());
    /// duck.serve_make_service(listener, make).await.into()
    /// # }
    /// ```
    ///
    /// Requests have no `ConnectInfo` unless `make` adds it. A `make` that panics ends the server.
    pub fn serve_make_service<L, F, S, B>(
        &self,
        listener: Listener<L>,
        mut make: F,
    ) -> impl Future<Output = Report> + use<L, F, S, B>
    where
        L: SocketListener,
        F: FnMut(L::Addr) -> S + Send + 'static,
        S: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        self.run(listener, move |peer| Adapted::new(make(peer), Extensions::new()))
    }

    fn run<L, F, S, B>(
        &self,
        listener: Listener<L>,
        make: F,
    ) -> impl Future<Output = Report> + use<L, F, S, B>
    where
        L: SocketListener,
        F: FnMut(L::Addr) -> S + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send + 'static,
        B: HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let duck = self.clone();
        async move {
            let running = duck.start();
            let options = duck.inner.http.clone();
            let Ok(server) = serve_make_service(listener, make).with_options(options) else {
                // The builder has checked the options, and the start has failed because of them.
                return running.finished().await;
            };
            tokio::select! {
                // The server ends with the last connection, and the report comes after that. If the
                // connections do not end, the report comes first.
                biased;
                report = running.finished() => report,
                () = server.into_future() => running.finished().await,
            }
        }
    }
}

/// The last handle is gone. Says what a forgotten line has as its consequence.
impl Drop for Inner {
    fn drop(&mut self) {
        let is_started = self.running.get().is_some();
        let is_stopping = self.watch.current().is_stopping();
        let is_stopped = self.watch.current() == Phase::Stopped;
        if std::thread::panicking() {
            return;
        }
        if !is_started && !self.is_used.load(Ordering::Relaxed) {
            wiring::log_unused();
        } else if is_started && is_stopping && !is_stopped {
            wiring::log_unfinished();
        }
    }
}

impl Default for Lameduck {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lameduck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { running, watch, in_flight, .. } = &*self.inner;
        f.debug_struct("Lameduck")
            .field("phase", &watch.current())
            .field("in_flight", &in_flight.count())
            .field("started", &running.get().is_some())
            .finish_non_exhaustive()
    }
}
