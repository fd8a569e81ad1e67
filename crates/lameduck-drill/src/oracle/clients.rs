//! The clients that speak HTTP/1.1, and what all clients share.

use std::{net::SocketAddr, time::Duration};

use tokio::{sync::watch, time::timeout};

use super::{
    Kind, Outcome,
    http1::Conn,
    http2,
    ledger::Ledger,
    plan::{Plan, Reference},
    random::Random,
    websocket,
};

/// The pause after a connect that was refused, and the longest it grows to.
const BACKOFF: Duration = Duration::from_millis(20);
const LONGEST_BACKOFF: Duration = Duration::from_millis(200);

/// The longest silence of an idle client: shorter than a server holds a connection that it has not
/// told.
const IDLE: Duration = Duration::from_millis(1500);

/// What all clients of one oracle share.
pub(super) struct Shared {
    pub(super) addr: SocketAddr,
    pub(super) ledger: Ledger,
    pub(super) reference: Reference,
    pub(super) stop: watch::Sender<bool>,
    pub(super) think: Duration,
    pub(super) limit: Duration,
}

impl Shared {
    /// Waits, but not longer than until the clients are told to stop. False if they are.
    pub(super) async fn pause(&self, pause: Duration) -> bool {
        let mut stop = self.stop.subscribe();
        // The sender lives in `self`, so waiting fails only by the time.
        timeout(pause, stop.wait_for(|stop| *stop)).await.is_err()
    }
}

/// Runs one client until it is told to stop.
pub(super) async fn run(shared: &Shared, kind: Kind, mut random: Random) {
    let mut backoff = BACKOFF;
    let mut kept = None;
    let think = match kind {
        // Hardly a pause: some connection is to be in the accept queue at any time.
        Kind::NewConnection => shared.think / 16,
        Kind::Idle => IDLE,
        _ => shared.think,
    };
    // The first pause spreads the clients of one kind.
    while shared.pause(random.pause(think)).await {
        let outcome = match kind {
            Kind::WebSocket => websocket::session(shared, &mut random).await,
            Kind::Http2 => http2::connection(shared, &mut random).await,
            _ => http1(shared, kind, &mut random, &mut kept).await,
        };
        if matches!(outcome, Outcome::Refused | Outcome::Rejected) {
            // A client that is turned away comes back, but does not hammer.
            shared.pause(backoff).await;
            backoff = LONGEST_BACKOFF.min(backoff * 2);
        } else {
            backoff = BACKOFF;
        }
    }
}

/// Asks one request on a new connection.
pub(super) async fn once(shared: &Shared) {
    http1(shared, Kind::NewConnection, &mut Random::new(0), &mut None).await;
}

/// One request, on the connection that was kept from the last one if it still can be used.
async fn http1(
    shared: &Shared,
    kind: Kind,
    random: &mut Random,
    kept: &mut Option<Conn>,
) -> Outcome {
    let plan = match kind {
        Kind::SlowHandler => Plan::slow(random.of(50..=400)),
        Kind::Download => {
            let pause = Duration::from_millis(random.of(0..=8));
            Plan::download(random.of(64 * 1024..=1024 * 1024)).with_read_pause(pause)
        }
        Kind::SlowUpload => {
            let (parts, pause) = (random.of(4..=12), Duration::from_millis(random.of(5..=40)));
            Plan::upload(random, parts, pause)
        }
        Kind::Sse => Plan::events(random.of(5..=40)),
        Kind::HalfHead => {
            let pause = Duration::from_millis(random.of(20..=400));
            Plan::index(&shared.reference).with_head_pause(pause)
        }
        _ => Plan::index(&shared.reference),
    };
    let reusable = kept.take().filter(Conn::is_usable);
    let ticket = shared.ledger.begin(kind);
    let conn = match reusable {
        Some(conn) => Ok(conn),
        None => Conn::open(shared.addr).await,
    };
    let outcome = match conn {
        Err(outcome) => outcome,
        Ok(mut conn) => {
            let outcome = conn.ask(&plan, shared.limit).await;
            if !matches!(kind, Kind::NewConnection | Kind::Sse) {
                *kept = Some(conn);
            }
            outcome
        }
    };
    ticket.end(outcome);
    outcome
}
