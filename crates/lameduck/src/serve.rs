//! The three-line start.

use std::{io, net::SocketAddr};

use axum::Router;
use lameduck_lifecycle::Report;
use lameduck_server::{AxumListener, Listener};
use tokio::net::{TcpListener, ToSocketAddrs};

use crate::Lameduck;

impl Lameduck {
    /// Binds, runs the start hooks, serves until a stop, and returns its report.
    ///
    /// Connections that come during the start hooks wait in the accept queue. Handlers can extract
    /// `ConnectInfo<SocketAddr>`. An address that cannot be bound is a report too: its outcome is
    /// [`NotStarted`](crate::Outcome::NotStarted), and no hook ran.
    ///
    /// Made into an exit code with `into()`, the report is the end of `main`; see [`Report`].
    pub async fn serve(self, addr: impl ToSocketAddrs, app: Router) -> Report {
        match self.bind(addr).await {
            Ok(listener) => self.serve_on(listener, app).await,
            Err(error) => Report::not_started(error),
        }
    }

    /// Binds, and no more: for those who want to know the port before they
    /// [serve on it](Self::serve_on).
    ///
    /// # Errors
    ///
    /// The address, what the system says about it, and what to do.
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> io::Result<Listener> {
        Listener::bind(addr, self.connections()).await
    }

    /// Wraps a listener for a stock `axum::serve`, and starts.
    ///
    /// Handlers can extract `ConnectInfo<SocketAddr>`.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn listener(&self, listener: TcpListener) -> AxumListener<TcpListener> {
        self.plain_listener(listener).into_axum()
    }

    /// As [`serve`](Self::serve), on a listener from [`bind`](Self::bind) or
    /// [`plain_listener`](Self::plain_listener).
    pub async fn serve_on(self, listener: Listener, app: Router) -> Report {
        let running = self.start();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let server =
            axum::serve(listener.into_axum(), app).with_graceful_shutdown(self.stop_accepting());
        let finished = running.finished();
        tokio::select! {
            // The server ends when the last connection does, and the report comes after that.
            // Without connections that end, the report comes first.
            biased;
            report = finished => report,
            _ = server => running.finished().await,
        }
    }
}
