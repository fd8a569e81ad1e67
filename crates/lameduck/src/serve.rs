//! The three-line start.

use std::net::SocketAddr;

use axum::{Router, serve::ListenerExt};
use lameduck_lifecycle::Report;
use lameduck_server::Listener;
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
        match Listener::bind(addr, self.connections()).await {
            Ok(listener) => self.run(listener, app).await,
            Err(error) => Report::not_started(error),
        }
    }

    /// As [`serve`](Self::serve), on a listener that is bound already.
    pub async fn serve_on(self, listener: TcpListener, app: Router) -> Report {
        let listener = Listener::new(listener, self.connections());
        self.run(listener, app).await
    }

    async fn run(self, listener: Listener, app: Router) -> Report {
        let running = self.start();
        if !running.started().await {
            return running.finished().await;
        }
        // Tapping gives handlers `ConnectInfo<SocketAddr>`, which axum grants to its own types.
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener.tap_io(|_| ()), app)
            .with_graceful_shutdown(self.stop_accepting());
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
