//! The options of a server's life.

use std::{fmt, time::Duration};

use lameduck_context::ContextLayer;
use lameduck_core::{Budget, StopTimeouts};
use lameduck_drain::DrainLayer;
use lameduck_inflight::InFlight;
use lameduck_lifecycle::{HookResult, Lifecycle};
use lameduck_server::SocketOptions;
use lameduck_signal::Signals;

use crate::{Lameduck, lameduck::Parts, wiring};

/// The options of a [`Lameduck`]. Made by [`Lameduck::builder`].
///
/// Nothing is installed and nothing runs before [`build`](Self::build). After it no option can be
/// set any more, so none is set too late.
#[must_use = "a builder has no effect until `build` is called"]
pub struct LameduckBuilder {
    lifecycle: Lifecycle,
    signals: Signals,
    in_flight: InFlight,
    drain: DrainLayer,
    context: ContextLayer,
    sockets: SocketOptions,
    #[cfg(feature = "axum")]
    http: lameduck_server::HttpOptions,
    #[cfg(feature = "axum")]
    probes: bool,
}

impl LameduckBuilder {
    pub(crate) fn new() -> Self {
        let lifecycle = Lifecycle::new().with_watchdog();
        let watch = lifecycle.watch();
        let in_flight = wiring::in_flight();
        Self {
            signals: Signals::new(),
            drain: DrainLayer::new(watch.clone()),
            context: wiring::context(watch, &in_flight),
            in_flight,
            lifecycle,
            sockets: SocketOptions::new(),
            #[cfg(feature = "axum")]
            http: lameduck_server::HttpOptions::new(),
            #[cfg(feature = "axum")]
            probes: true,
        }
    }

    /// Sets which signals and other triggers stop the server. By default SIGTERM and SIGINT, see
    /// [`Signals::new`].
    pub fn with_signals(mut self, signals: Signals) -> Self {
        self.signals = signals;
        self
    }

    /// Sets how long each phase of a stop may last. By default 28 s in all, see
    /// [`StopTimeouts::new`].
    pub fn with_stop_timeouts(mut self, timeouts: StopTimeouts) -> Self {
        self.lifecycle = self.lifecycle.with_stop_timeouts(timeouts);
        self
    }

    /// Sets the time that all stop timeouts together must fit into. By default Kubernetes' 30 s
    /// minus 2 s.
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.lifecycle = self.lifecycle.with_budget(budget);
        self
    }

    /// Sets the time limit of every request. By default only the end of the drain limits it.
    pub fn with_timeout(self, limit: Duration) -> Self {
        self.with_context(|context| context.with_timeout(limit))
    }

    /// Changes how requests are rejected. By default as [`DrainLayer::new`] does.
    pub fn with_drain(mut self, change: impl FnOnce(DrainLayer) -> DrainLayer) -> Self {
        self.drain = change(self.drain);
        self
    }

    /// Changes the context of a request. By default an id, and the end of the drain as deadline.
    ///
    /// A callback of your own for request ids replaces the one that puts ids into the log lines of
    /// the requests in flight: call [`set_request_id`](lameduck_inflight::set_request_id) in it.
    pub fn with_context(mut self, change: impl FnOnce(ContextLayer) -> ContextLayer) -> Self {
        self.context = change(self.context);
        self
    }

    /// Changes the options of sockets and of the end of connections. By default as
    /// [`SocketOptions::new`].
    ///
    /// An option that cannot work fails the start, and the report names it.
    pub fn with_sockets(mut self, change: impl FnOnce(&mut SocketOptions)) -> Self {
        change(&mut self.sockets);
        self
    }

    /// Changes how [`Lameduck::serve`] serves connections: how many, and for how long. By default
    /// as [`HttpOptions::new`](lameduck_server::HttpOptions::new).
    ///
    /// ```
    /// # use std::{time::Duration};
    /// # use lameduck::Lameduck;
    /// let builder = Lameduck::builder().with_http(|http| {
    ///     http.max_connections = Some(10_000);
    ///     http.max_connection_age = Some(Duration::from_secs(600));
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// An option that cannot work fails the start, and the report names it.
    #[cfg(feature = "axum")]
    pub fn with_http(mut self, change: impl FnOnce(&mut lameduck_server::HttpOptions)) -> Self {
        change(&mut self.http);
        self
    }

    /// Leaves out the routes `/livez` and `/readyz` that [`Lameduck::wrap`] adds.
    ///
    /// For a server whose probes have other paths or another port: mount
    /// [`Lameduck::livez`] and [`Lameduck::readyz`] there.
    #[cfg(feature = "axum")]
    pub fn without_probes(mut self) -> Self {
        self.probes = false;
        self
    }

    /// Reads the certificate again at every SIGHUP, until the end of the stop. If the new one is
    /// broken, the error is logged and the old one stays. See
    /// [`Tls::reload_on_hangup`](lameduck_server::Tls::reload_on_hangup).
    ///
    /// ```no_run
    /// use axum::Router;
    /// use lameduck::{Lameduck, Report, server::Tls};
    ///
    /// # #[expect(dead_code, reason = "shown, not run")]
    /// # async fn f() -> Result<Report, Box<dyn std::error::Error>> {
    /// let tls = Tls::from_pem_files("/etc/tls/tls.crt", "/etc/tls/tls.key")?;
    /// let duck = Lameduck::builder().with_tls_reload(&tls).build();
    /// let app = duck.wrap(Router::new());
    /// let listener = duck.bind("[::]:443").await?.with_tls(&tls);
    /// let report = duck.serve_listener(listener, app).await;
    /// # Ok(report) }
    /// ```
    ///
    /// If the system does not accept the signal handler, the start fails and the report says why.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    #[cfg(all(feature = "tls", unix))]
    pub fn with_tls_reload(mut self, tls: &lameduck_server::Tls) -> Self {
        self.lifecycle = match tls.reload_on_hangup() {
            Ok(reloads) => self.lifecycle.alongside(reloads),
            Err(error) => wiring::failing_start(self.lifecycle, "reload of the certificate", error),
        };
        self
    }

    /// Adds a hook that runs before the server is ready, see [`Lifecycle::on_start`].
    pub fn on_start<F>(
        mut self,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.lifecycle = self.lifecycle.on_start(name, hook);
        self
    }

    /// Adds a hook that runs when nothing is in flight any more, see [`Lifecycle::on_stop`].
    pub fn on_stop<F>(
        mut self,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.lifecycle = self.lifecycle.on_stop(name, hook);
        self
    }

    /// As [`on_stop`](Self::on_stop), with a timeout of its own instead of 30 s.
    pub fn on_stop_within<F>(
        mut self,
        timeout: Duration,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.lifecycle = self.lifecycle.on_stop_within(timeout, name, hook);
        self
    }

    /// Installs the signal handlers and returns the handle.
    ///
    /// The server starts later: with [`serve`](Lameduck::serve), with its listener, or with a wait
    /// for a part of the stop. A signal before that is kept. If the system does not accept the
    /// handlers, the start fails and the report says why.
    pub fn build(self) -> Lameduck {
        let Self { lifecycle, signals, in_flight, drain, context, sockets, .. } = self;
        lifecycle.start_watchdog();
        let lifecycle = wiring::with_triggers(lifecycle, signals);
        let lifecycle = wiring::with_check(lifecycle, "sockets", sockets.check());
        #[cfg(feature = "axum")]
        let lifecycle = wiring::with_check(lifecycle, "http", self.http.check());
        Lameduck::from_parts(Parts {
            lifecycle,
            in_flight,
            drain,
            context,
            sockets,
            #[cfg(feature = "axum")]
            http: self.http,
            #[cfg(feature = "axum")]
            probes: self.probes,
        })
    }
}

impl fmt::Debug for LameduckBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LameduckBuilder")
            .field("lifecycle", &self.lifecycle)
            .field("signals", &self.signals)
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}
