//! A stock tonic server: calls, a stream, and health that is told before anybody is turned away.
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

    let windows = StopTimeouts::new().with_lame_duck(args.lame_duck());
    let greeted = Arc::new(AtomicU64::new(0));
    let guest_book = Arc::clone(&greeted);
    let duck = Lameduck::new().with_stop_timeouts(windows).on_stop("guest book", async move || {
        // After the last call.
        let greeted = guest_book.load(Ordering::Relaxed);
        tracing::info!(event = "guest_book.closed", greeted);
    });
    let (health, health_service) = tonic_health::server::health_reporter();

    let listener = duck.listener(TcpListener::bind(args.addr()).await?);
    announce("http", listener.local_addr()?);

    let server = Server::builder()
        .layer(duck.layer())
        .add_service(health_service)
        .add_service(PondServer::new(Ducks { greeted, watch: duck.watch() }))
        .serve_with_incoming_shutdown(listener.into_incoming(), duck.shutdown_signal());
    tokio::try_join!(server, tell(health, duck.watch()))?;
    Ok(duck.finished().await.into())
}

/// Tells those who ask for the server's health that it leaves, while it still serves.
async fn tell<E>(mut health: HealthReporter, watch: PhaseWatch) -> Result<(), E> {
    watch.reached(Phase::LameDuck).await;
    health.set_service_status("", ServingStatus::NotServing).await;
    // A `Watch` is a call without an end, which would hold up the stop. It ends when what it
    // watches is taken away.
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
        // Our listener hides nothing that tonic's own would tell.
        let peer = request.remote_addr().ok_or(Status::internal("a peer without an address"))?;
        let text = format!("hello {} at {}", request.into_inner().name, peer.ip());
        Ok(Response::new(Greeting { text }))
    }

    type TickStream = Pin<Box<dyn Stream<Item = Result<Tick, Status>> + Send>>;

    /// A number every 50 ms, until the server stops: then its client is told, and asks another one
    /// from the next number on.
    async fn tick(&self, request: Request<Start>) -> Result<Response<Self::TickStream>, Status> {
        let ticks = stream::iter(request.into_inner().first..).then(async |number| {
            sleep(Duration::from_millis(50)).await;
            Ok(Tick { number })
        });
        let last = Err(Status::unavailable("the server is stopping"));
        Ok(Response::new(Box::pin(until_drain(ticks, self.watch.clone()).with_last(last))))
    }
}
