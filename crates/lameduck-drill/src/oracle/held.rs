//! Connections that are held at one point of a request, for tests of that point.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::{
    Kind, Outcome, Verdict,
    http1::Conn,
    ledger::Ledger,
    plan::{Plan, Reference, Upload},
    websocket::Session,
};

/// How long a held request may take from when it is let go.
const LIMIT: Duration = Duration::from_secs(30);

/// How much of a request stands in the head that is held in the middle of it.
const HALF: usize = 12;

/// A connection that is held at one point of a request.
///
/// If the server refused it, or did something else than expected up to that point, then
/// [`finish`](Self::finish) says so.
#[derive(Debug)]
#[must_use = "dropped, the connection is closed"]
pub struct Held {
    state: Result<(Conn, Plan), Outcome>,
    /// What is left to be written, as text.
    rest: String,
}

impl Held {
    /// Writes what is left of the request, reads the answer, and says what became of it.
    ///
    /// It is lost when there is no answer within 30 s.
    pub async fn finish(self) -> Outcome {
        let Self { state, rest } = self;
        let (mut conn, plan) = match state {
            Ok(held) => held,
            Err(outcome) => return outcome,
        };
        let outcome = timeout(LIMIT, async {
            if conn.has_sent_nothing() && !conn.is_usable() {
                return Outcome::Refused;
            }
            if conn.write(rest.as_bytes()).await.is_err() && conn.has_sent_nothing() {
                return Outcome::Refused;
            }
            conn.answer(&plan).await
        });
        outcome.await.unwrap_or_else(|_| conn.out_of_time())
    }

    /// Whether the connection is open and nothing waits to be read: no end, no reset, no answer.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.state.as_ref().is_ok_and(|(conn, _)| conn.is_quiet())
    }

    /// Waits until the server closes or resets the connection. False if it has not after `within`.
    pub async fn closed(&mut self, within: Duration) -> bool {
        match &mut self.state {
            Ok((conn, _)) => timeout(within, conn.closed()).await.is_ok(),
            Err(_) => true,
        }
    }

    /// Connects and writes `now`; `later` is left for [`finish`](Self::finish).
    async fn open(addr: SocketAddr, plan: Plan, now: &str, later: String) -> Self {
        let mut conn = match Conn::open(addr).await {
            Ok(conn) => conn,
            Err(outcome) => return Self { state: Err(outcome), rest: later },
        };
        // When some of it was sent, what became of it is read in `finish`.
        if conn.write(now.as_bytes()).await.is_err() && conn.has_sent_nothing() {
            return Self { state: Err(Outcome::Refused), rest: later };
        }
        Self { state: Ok((conn, plan)), rest: later }
    }

    /// Connects and writes the whole request.
    async fn sent(addr: SocketAddr, plan: Plan) -> Self {
        let head = plan.head(addr);
        Self::open(addr, plan, &head, String::new()).await
    }
}

/// A connection on which no byte was sent.
pub async fn silent_connection(addr: SocketAddr) -> Held {
    let plan = index();
    let head = plan.head(addr);
    Held::open(addr, plan, "", head).await
}

/// A connection on which half of a request's head was sent.
pub async fn half_head(addr: SocketAddr) -> Held {
    let plan = index();
    let head = plan.head(addr);
    let (now, later) = head.split_at(HALF);
    Held::open(addr, plan, now, later.to_owned()).await
}

/// A connection on which the head and half the body of an upload were sent.
pub async fn half_body(addr: SocketAddr) -> Held {
    let body: String = (b'a'..=b'z').map(char::from).collect();
    let plan = Plan::upload_of(Upload {
        parts: vec![body.clone().into()],
        pause: Duration::ZERO,
        sized: true,
    });
    let (now, later) = body.split_at(body.len() / 2);
    let now = plan.head(addr) + now;
    Held::open(addr, plan, &now, later.to_owned()).await
}

/// A connection on which a request was sent, `GET /slow` of `handler` milliseconds, and nothing
/// was read.
pub async fn sent_request(addr: SocketAddr, handler: Duration) -> Held {
    let ms = u64::try_from(handler.as_millis()).unwrap_or(u64::MAX);
    Held::sent(addr, Plan::slow(ms)).await
}

/// A connection on which a download was asked for, and nothing is read before
/// [`Held::finish`].
pub async fn unread_download(addr: SocketAddr, bytes: u64) -> Held {
    Held::sent(addr, Plan::download(bytes)).await
}

/// A connection that is idle: one request was answered on it, the next was not sent.
pub async fn idle_connection(addr: SocketAddr) -> Held {
    let reference = Reference::default();
    let first = Plan::index(&reference);
    let mut conn = match Conn::open(addr).await {
        Ok(conn) => conn,
        Err(outcome) => return Held { state: Err(outcome), rest: String::new() },
    };
    match conn.ask(&first, LIMIT).await {
        Outcome::Answered => {
            conn.begin();
            let second = Plan::index(&reference);
            let rest = second.head(addr);
            Held { state: Ok((conn, second)), rest }
        }
        outcome => Held { state: Err(outcome), rest: String::new() },
    }
}

/// `count` connections with a whole `GET /` each, sent without waiting for anybody to accept.
///
/// The queue of the listener has to be at least that long: what finds no room in it is refused
/// after 3 s. `TcpListener::bind` of tokio makes a queue of 128 on Linux; `TcpSocket::listen` takes
/// the length.
pub async fn burst_in_accept_queue(addr: SocketAddr, count: usize) -> Vec<Held> {
    join_all((0..count).map(|_| Held::sent(addr, index()))).await
}

/// Lets all go at once, and says what became of them, as [`Kind::NewConnection`].
pub async fn finish_all(held: impl IntoIterator<Item = Held>) -> Verdict {
    let ledger = Ledger::new();
    let each = held.into_iter().map(|held| {
        let ticket = ledger.begin(Kind::NewConnection);
        async { ticket.end(held.finish().await) }
    });
    join_all(each.collect::<Vec<_>>()).await;
    ledger.verdict()
}

/// An HTTP/2 client that says hello and then no more: it answers neither SETTINGS nor PING.
///
/// `None` if the server refused the connection.
pub async fn silent_http2_peer(addr: SocketAddr) -> Option<Held> {
    // The preface, and a SETTINGS frame without a setting.
    const HELLO: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let held = Held::open(addr, index(), HELLO, String::new()).await;
    held.state.is_ok().then_some(held)
}

/// A WebSocket that is open and silent.
#[derive(Debug)]
#[must_use = "dropped, the connection is cut"]
pub struct HeldWebSocket {
    state: Result<Session, Outcome>,
}

/// Opens a WebSocket and has one message echoed.
pub async fn open_web_socket(addr: SocketAddr) -> HeldWebSocket {
    let open = async {
        let mut session = Session::open(addr, Instant::now() + LIMIT).await?;
        session.echo("hello").await?;
        Ok(session)
    };
    HeldWebSocket { state: open.await }
}

impl HeldWebSocket {
    /// Waits until the server closes the WebSocket, and says how: [`Outcome::Answered`] stands
    /// for a close frame with a right code.
    pub async fn closed(self) -> Outcome {
        self.end(async |session: &mut Session| session.closed().await).await
    }

    /// Closes the WebSocket and waits for the server to confirm.
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
            Err(_) => Outcome::Lost(super::LossReason::TimedOut),
        }
    }
}

fn index() -> Plan {
    Plan::index(&Reference::default())
}
