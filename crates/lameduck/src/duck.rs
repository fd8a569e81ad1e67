//! The whole, connected.

use std::{
    fmt,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use lameduck_context::ContextLayer;
use lameduck_core::{Budget, PhaseWatch, StopTimeouts};
use lameduck_drain::{DrainLayer, Livez, Readyz};
use lameduck_inflight::{InFlight, InFlightOptions, RequestIdSource};
use lameduck_lifecycle::{HookResult, Lifecycle, LifecycleHandle, Report, StopHandle};
use lameduck_server::{Connections, Listener, SocketOptions, Source};
use lameduck_signal::Signals;

use crate::{LameduckLayer, wiring};

/// A server's life, from its first start hook to its last byte.
///
/// Built up by value, then used by reference: its layer goes on the router, its listener under the
/// server. It is started by what needs it to run: serving, its listener, or a wait for a part of
/// the stop. Until then a signal is kept, and heard at the start. See the [crate docs](crate) for
/// both ways to use it.
#[must_use = "a lameduck does nothing until it serves, or its listener does"]
pub struct Lameduck {
    /// Taken when it is started.
    lifecycle: Mutex<Option<Lifecycle>>,
    running: OnceLock<LifecycleHandle>,
    stop: StopHandle,
    pub(crate) watch: PhaseWatch,
    in_flight: InFlight,
    drain: DrainLayer,
    context: ContextLayer,
    server: SocketOptions,
    #[cfg(feature = "axum")]
    pub(crate) serve: lameduck_server::HttpOptions,
    stop_accepting: Duration,
    connections: OnceLock<Connections>,
}

impl Lameduck {
    /// Makes a server's life with the default windows and signals.
    ///
    /// Installs handlers for SIGTERM and SIGINT at once, so that a stop that is asked for during
    /// the start is heard. Where that fails (outside a Tokio runtime, or because the system
    /// refuses), the start fails and the report says why.
    pub fn new() -> Self {
        Self::with_signals(Signals::new())
    }

    /// As [`new`](Self::new), with signals and other triggers of your own.
    pub fn with_signals(signals: Signals) -> Self {
        let lifecycle = Lifecycle::new(StopTimeouts::new()).with_watchdog();
        let (watch, stop) = (lifecycle.watch(), lifecycle.stop_handle());
        let lifecycle = match signals.install() {
            Ok(triggers) => lifecycle.alongside(wiring::ask_for_stops(triggers, stop.clone())),
            Err(error) => lifecycle.on_start("signals", async move || Err(error)),
        };
        let mut counted = InFlightOptions::new();
        counted.ledger = Some(RequestIdSource::Assigned);
        let in_flight = InFlight::with_options(counted);
        Self {
            lifecycle: Mutex::new(Some(lifecycle)),
            running: OnceLock::new(),
            stop,
            drain: DrainLayer::new(watch.clone()),
            context: wiring::context(watch.clone(), &in_flight),
            in_flight,
            watch,
            server: SocketOptions::new(),
            #[cfg(feature = "axum")]
            serve: lameduck_server::HttpOptions::new(),
            stop_accepting: StopTimeouts::new().stop_accepting(),
            connections: OnceLock::new(),
        }
    }

    /// Sets how long each phase of a stop may last. By default 28 s in all, see [`StopTimeouts::new`].
    pub fn with_stop_timeouts(mut self, windows: StopTimeouts) -> Self {
        self.stop_accepting = windows.stop_accepting();
        self.configure(|lifecycle| lifecycle.with_stop_timeouts(windows))
    }

    /// Sets what the windows must fit into. By default Kubernetes' 30 s less 2 s.
    pub fn with_budget(self, budget: Budget) -> Self {
        self.configure(|lifecycle| lifecycle.with_budget(budget))
    }

    /// Sets the time limit of every request. By default there is none but the drain's.
    pub fn with_timeout(self, limit: Duration) -> Self {
        self.with_context(|context| context.with_timeout(limit))
    }

    /// Changes how requests are turned away. By default as [`DrainLayer::new`] does.
    pub fn with_drain(mut self, change: impl FnOnce(DrainLayer) -> DrainLayer) -> Self {
        self.drain = change(self.drain);
        self
    }

    /// Changes what a request is given. By default an id and the end of the drain as deadline.
    ///
    /// A [`with_on_request_id`](ContextLayer::with_on_request_id) of your own takes the place of the one
    /// that puts ids into the log's lines of who is in flight: call
    /// [`set_request_id`](lameduck_inflight::set_request_id) in it.
    pub fn with_context(mut self, change: impl FnOnce(ContextLayer) -> ContextLayer) -> Self {
        self.context = change(self.context);
        self
    }

    /// Changes how sockets and connections are treated. By default as [`SocketOptions::new`], but
    /// for the time to stop accepting, which is that of the [windows](Self::with_stop_timeouts).
    pub fn with_sockets(mut self, change: impl FnOnce(SocketOptions) -> SocketOptions) -> Self {
        self.server = change(self.server);
        self
    }

    /// Adds a hook to run before the server is ready, see [`Lifecycle::on_start`].
    pub fn on_start<F>(
        self,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.configure(|lifecycle| lifecycle.on_start(name, hook))
    }

    /// Adds a hook to run when nothing is in flight any more, see [`Lifecycle::on_stop`].
    pub fn on_stop<F>(
        self,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.configure(|lifecycle| lifecycle.on_stop(name, hook))
    }

    /// As [`on_stop`](Self::on_stop), with a timeout of its own instead of 30 s.
    pub fn on_stop_within<F>(
        self,
        timeout: Duration,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.configure(|lifecycle| lifecycle.on_stop_within(timeout, name, hook))
    }

    /// The layer for the router or service: count, gate and context in one, with the options set so
    /// far. Once around each request: a second one, or `around`, would count it twice.
    pub fn layer(&self) -> LameduckLayer {
        wiring::layer(self.in_flight.clone(), self.drain.clone(), self.context.clone())
    }

    /// Wraps a listener, TCP or Unix, for an accept loop of your own, and starts. For `axum::serve`,
    /// see `listener`.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn listener<L: Source>(&self, listener: L) -> Listener<L> {
        self.start();
        Listener::new(listener, self.connections())
    }

    /// Completes when a server that is not ours is to shut its connections down.
    ///
    /// For `with_graceful_shutdown`. That is later than the end of accepting, which the listener
    /// sees to by itself: until then, idle connections are held so that their clients can be told.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn shutdown_signal(&self) -> impl Future<Output = ()> + Send + 'static {
        self.start();
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
    /// This method is cancel safe.
    pub async fn finished(&self) -> Report {
        self.start().finished().await
    }

    /// The phase.
    #[must_use]
    pub fn watch(&self) -> PhaseWatch {
        self.watch.clone()
    }

    /// A handle that asks for the stop, or calls it off.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The requests in flight. Guards from here hold the drain for work that no layer sees.
    #[must_use]
    pub const fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// The open connections.
    pub fn connections(&self) -> &Connections {
        self.connections.get_or_init(|| {
            // What the driver waits for and what the listener takes are the same time.
            let options = self.server.clone().with_stop_accepting(self.stop_accepting);
            Connections::new(self.watch.clone(), options)
        })
    }

    /// A service for `/readyz`: 200 while running, else 503.
    pub fn readyz(&self) -> Readyz {
        Readyz::new(self.watch.clone())
    }

    /// A service for `/livez`: 200 as long as the process answers, also while it drains.
    pub fn livez(&self) -> Livez {
        Livez::new()
    }

    /// Starts the lifecycle, if it has not started.
    pub(crate) fn start(&self) -> &LifecycleHandle {
        self.running.get_or_init(|| {
            let lifecycle = self.lifecycle.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (in_flight, rejections) = (self.in_flight.clone(), self.drain.rejections());
            lifecycle
                .unwrap_or_else(|| Lifecycle::new(StopTimeouts::new()))
                .with_work(wiring::requests(&self.in_flight))
                .with_work(wiring::connections(
                    self.connections(),
                    self.connections().listener_end(),
                ))
                .with_tally(move || wiring::tally(&in_flight, &rejections))
                .spawn()
        })
    }

    pub(crate) fn configure(mut self, change: impl FnOnce(Lifecycle) -> Lifecycle) -> Self {
        let lifecycle = self.lifecycle.get_mut().unwrap_or_else(PoisonError::into_inner);
        if lifecycle.is_none() {
            tracing::error!(target: "lameduck", "an option that is set after the start is lost");
        }
        *lifecycle = lifecycle.take().map(change);
        self
    }
}

impl Default for Lameduck {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lameduck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lifecycle: _,
            running,
            stop: _,
            watch,
            in_flight,
            drain: _,
            context: _,
            server: _,
            #[cfg(feature = "axum")]
                serve: _,
            stop_accepting: _,
            connections: _,
        } = self;
        f.debug_struct("Lameduck")
            .field("phase", &watch.current())
            .field("in_flight", &in_flight.count())
            .field("started", &running.get().is_some())
            .finish_non_exhaustive()
    }
}
