//! Connections that are held at one point of a request, for tests of that point.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::{
    LossReason, Outcome, Plan, Verdict, http1::Conn, ledger::Ledger, shared::Target,
    websocket::Session,
};

/// How long a held request may take from the moment when it is continued.
const LIMIT: Duration = Duration::from_secs(30);

/// How much of a request is sent before the point [`HeldAt::HalfHead`], in bytes.
const HALF_HEAD: usize = 12;

/// The preface of an HTTP/2 client, and a SETTINGS frame without a setting.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A connection that is held at one point of a request.
///
/// If the server refused the connection, or did not behave as expected up to that point, then
/// [`finish`](Self::finish) returns that outcome.
#[derive(Debug)]
#[must_use = "dropped, the connection is closed"]
pub struct Held {
    state: Result<(Conn, Target), Outcome>,
    /// What is not written yet.
    rest: Vec<u8>,
}

/// The point of a request at which a connection is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeldAt {
    /// Nothing was sent.
    Connected,
    /// The first 12 bytes of the head were sent.
    HalfHead,
    /// The head and half of the body were sent.
    HalfBody,
    /// The whole request was sent, and nothing was read.
    Sent,
    /// The request was sent and answered, and the same request will be sent once more.
    Idle,
}

impl Held {
    /// Opens a connection and sends the request up to this point.
    pub async fn open(addr: SocketAddr, plan: Plan, at: HeldAt) -> Self {
        let target = Target::alone(plan);
        let mut request = target.head(addr).into_bytes();
        let head = request.len();
        if let Some(body) = &target.plan.body {
            request.extend(body.writes().into_iter().flatten());
        }
        let now = match at {
            HeldAt::Connected | HeldAt::Idle => 0,
            HeldAt::HalfHead => HALF_HEAD,
            HeldAt::HalfBody => head + (request.len() - head) / 2,
            HeldAt::Sent => request.len(),
        };
        let rest = request.split_off(now);
        let mut held = Self::connect(addr, target, &request, rest).await;
        if at == HeldAt::Idle {
            held.answer_first().await;
        }
        held
    }

    /// As [`open`](Self::open), for `count` connections at once.
    pub async fn open_many(addr: SocketAddr, plan: &Plan, at: HeldAt, count: usize) -> Vec<Self> {
        join_all((0..count).map(|_| Self::open(addr, plan.clone(), at))).await
    }

    /// Writes what is left of the request, reads the answer, and returns the outcome.
    ///
    /// The request is lost if there is no answer within 30 s.
    pub async fn finish(self) -> Outcome {
        let Self { state, rest } = self;
        let (mut conn, target) = match state {
            Ok(held) => held,
            Err(outcome) => return outcome,
        };
        let outcome = timeout(LIMIT, async {
            if conn.has_sent_nothing() && !conn.is_usable() {
                return Outcome::Refused;
            }
            if conn.write(&rest).await.is_err() && conn.has_sent_nothing() {
                return Outcome::Refused;
            }
            conn.answer(&target).await
        });
        outcome.await.unwrap_or_else(|_| conn.out_of_time())
    }

    /// Whether the connection is open and there is nothing to read: no end, no reset, no answer.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.state.as_ref().is_ok_and(|(conn, _)| conn.is_quiet())
    }

    /// Waits until the server closes or resets the connection. False if it does not do so `within`
    /// this time.
    pub async fn closed(&mut self, within: Duration) -> bool {
        match &mut self.state {
            Ok((conn, _)) => timeout(within, conn.closed()).await.is_ok(),
            Err(_) => true,
        }
    }

    /// Connects and writes `now`. [`finish`](Self::finish) writes the rest.
    async fn connect(addr: SocketAddr, target: Target, now: &[u8], rest: Vec<u8>) -> Self {
        let mut conn = match Conn::open(addr).await {
            Ok(conn) => conn,
            Err(outcome) => return Self { state: Err(outcome), rest },
        };
        // If a part was sent, `finish` reads what became of it.
        if conn.write(now).await.is_err() && conn.has_sent_nothing() {
            return Self { state: Err(Outcome::Refused), rest };
        }
        Self { state: Ok((conn, target)), rest }
    }

    /// Has one request answered, so that the connection is idle.
    async fn answer_first(&mut self) {
        let Ok((conn, target)) = &mut self.state else { return };
        match conn.send(target, LIMIT).await {
            // Whether the next request may be sent is decided in `finish`.
            Outcome::Answered => _ = conn.begin(),
            outcome => self.state = Err(outcome),
        }
    }
}

/// Continues all connections at once. The verdict names them `held`.
pub async fn finish_all(held: impl IntoIterator<Item = Held>) -> Verdict {
    let ledger = Ledger::new();
    let row = ledger.row("held".into());
    let each = held.into_iter().map(|held| {
        let ticket = ledger.begin(row);
        async { ticket.end(held.finish().await) }
    });
    join_all(each.collect::<Vec<_>>()).await;
    ledger.verdict()
}

/// An HTTP/2 client that sends its preface and nothing else: it answers neither SETTINGS nor PING.
///
/// `None` if the server refused the connection.
pub async fn silent_http2_peer(addr: SocketAddr) -> Option<Held> {
    let target = Target::alone(Plan::get("/"));
    let held = Held::connect(addr, target, HTTP2_PREFACE, Vec::new()).await;
    held.state.is_ok().then_some(held)
}

/// A WebSocket that is open and idle.
#[derive(Debug)]
#[must_use = "dropped, the connection is cut"]
pub struct HeldWebSocket {
    state: Result<Session, Outcome>,
}

impl HeldWebSocket {
    /// Opens a WebSocket on the plan's path and has one message echoed.
    pub async fn open(addr: SocketAddr, plan: Plan) -> Self {
        let target = Target::alone(plan);
        let open = async {
            let mut session = Session::open(addr, &target, Instant::now() + LIMIT).await?;
            session.echo("hello").await?;
            Ok(session)
        };
        Self { state: open.await }
    }

    /// Waits until the server closes the WebSocket, and returns how: [`Outcome::Answered`] stands
    /// for a close frame with a right code.
    pub async fn closed(self) -> Outcome {
        self.end(async |session: &mut Session| session.closed().await).await
    }

    /// Closes the WebSocket and waits until the server confirms it.
    pub async fn close(self) -> Outcome {
        self.end(async |session: &mut Session| session.close().await).await
    }

    async fn end(self, how: impl AsyncFnOnce(&mut Session) -> Result<(), Outcome>) -> Outcome {
        let mut session = match self.state {
            Ok(session) => session,
            Err(outcome) => return outcome,
        };
        match timeout(LIMIT, how(&mut session)).await {
            Ok(Ok(())) => Outcome::Answered,
            Ok(Err(outcome)) => outcome,
            Err(_) => Outcome::Lost(LossReason::TimedOut),
        }
    }
}
