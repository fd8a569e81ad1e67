//! A stock tonic server: calls, a stream, and a health service that reports the stop in advance.
//!
//! ```console
//! $ cargo run -p tonic-grpc -- --addr 127.0.0.1:50051
//! $ kill -TERM "$(pidof tonic-grpc)"
//! ```

use std::{
    error::Error,
    io,
    pin::Pin,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt as _, stream};
use lameduck::{Lameduck, Phase, PhaseWatch, StopTimeouts, drain::until_drain};
use lameduck_test_support::{Arguments, announce};
use tokio::{net::TcpListener, time::sleep};
use tonic::{Request, Response, Status, transport::Server};
use tonic_health::{ServingStatus, server::HealthReporter};

use self::pond::{
    Greeting, Name, Start, Tick,
    pond_server::{Pond, PondServer},
};

mod pond;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Arguments::read(&[]);
    tracing_subscriber::fmt().json().with_writer(io::stderr).init();

    let timeouts = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let greeted = Arc::new(AtomicU64::new(0));
    let guest_book = Arc::clone(&greeted);
    let duck = Lameduck::builder()
        .with_stop_timeouts(timeouts)
        .on_stop("guest book", async move || {
            // This hook runs after the last call.
            let greeted = guest_book.load(Ordering::Relaxed);
            tracing::info!(event = "guest_book.closed", greeted);
        })
        .build();
    let (health, health_service) = tonic_health::server::health_reporter();

    let listener = duck.listener(TcpListener::bind(args.addr()).await?);
    announce("http", listener.local_addr()?);

    let server = Server::builder()
        .layer(duck.layer())
        .add_service(health_service)
        .add_service(PondServer::new(Ducks { greeted, watch: duck.watch() }))
        .serve_with_incoming_shutdown(listener.into_incoming(), duck.shutdown_signal());
    tokio::try_join!(server, report_health(health, duck.watch()))?;
    Ok(duck.finished().await.into())
}

/// Reports `NOT_SERVING` at lame duck, while the server still answers calls.
async fn report_health<E>(mut health: HealthReporter, watch: PhaseWatch) -> Result<(), E> {
    watch.reached(Phase::LameDuck).await;
    health.set_service_status("", ServingStatus::NotServing).await;
    // A `Watch` is a call that never ends, so the stop would wait for it. It ends when the service
    // that it watches is removed.
    watch.reached(Phase::Draining).await;
    health.clear_service_status("").await;
    health.set_service_status("", ServingStatus::NotServing).await;
    Ok(())
}

struct Ducks {
    greeted: Arc<AtomicU64>,
    watch: PhaseWatch,
}

#[tonic::async_trait]
impl Pond for Ducks {
    async fn greet(&self, request: Request<Name>) -> Result<Response<Greeting>, Status> {
        self.greeted.fetch_add(1, Ordering::Relaxed);
        // The peer's address is there, as it is with tonic's own listener.
        let peer = request.remote_addr().ok_or(Status::internal("a peer without an address"))?;
        let text = format!("hello {} at {}", request.into_inner().name, peer.ip());
        Ok(Response::new(Greeting { text }))
    }

    type TickStream = Pin<Box<dyn Stream<Item = Result<Tick, Status>> + Send>>;

    /// A number every 50 ms until the server stops. The last item is `UNAVAILABLE`, after which
    /// the client asks another server for the rest.
    async fn tick(&self, request: Request<Start>) -> Result<Response<Self::TickStream>, Status> {
        let ticks = stream::iter(request.into_inner().first..).then(async |number| {
            sleep(Duration::from_millis(50)).await;
            Ok(Tick { number })
        });
        let last = Err(Status::unavailable("the server is stopping"));
        Ok(Response::new(Box::pin(until_drain(ticks, self.watch.clone()).with_last(last))))
    }
}
