//! The client that speaks HTTP/2 with prior knowledge.

use std::{io, mem::MaybeUninit, net::SocketAddr, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::{
    Reason,
    client::{self, ResponseFuture, SendRequest},
};
use http::{HeaderMap, Request, header};
use socket2::{SockRef, Socket};
use tokio::{
    net::TcpStream,
    task::{JoinSet, yield_now},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{Kind, LossReason, Outcome, check::Check, clients::Shared, plan::Plan, random::Random};

/// How many requests run at a time on a connection.
const STREAMS: u64 = 4;

/// How long the preface may take to be sent, and the connection to end after the last stream.
const SHAKE: Duration = Duration::from_secs(3);

/// How often the kernel is asked whether all that came was read.
const LOOKS: usize = 1000;

/// A connection, driven by a task of its own.
struct Connection {
    send: SendRequest<Bytes>,
    /// The same socket once more, to see what the other one has not read yet.
    peek: Socket,
    driver: JoinSet<()>,
}

/// Connects and asks until the connection is over or the clients are told to stop.
pub(super) async fn connection(shared: &Shared, random: &mut Random) -> Outcome {
    let ticket = shared.ledger.begin(Kind::Http2);
    let connected = timeout(SHAKE, Connection::open(shared.addr)).await;
    let Ok(Ok(mut connection)) = connected else {
        ticket.end(Outcome::Refused);
        return Outcome::Refused;
    };
    // The request that the ticket was for is the first one.
    let mut first = Some(ticket);
    loop {
        let is_open = connection.is_open().await;
        if !is_open {
            if let Some(ticket) = first {
                ticket.end(Outcome::Refused);
            }
            break;
        }
        let streams = (0..random.of(1..=STREAMS)).map(|_| {
            let plan = match random.of(0..=2) {
                0 => Plan::index(&shared.reference),
                1 => Plan::slow(random.of(10..=200)),
                _ => Plan::download(random.of(1024..=256 * 1024)),
            };
            let ticket = first.take().unwrap_or_else(|| shared.ledger.begin(Kind::Http2));
            let send = connection.send.clone();
            async move {
                ticket.end(ask(send, shared.addr, &plan, Instant::now() + shared.limit).await);
            }
        });
        join_all(streams.collect::<Vec<_>>()).await;
        if !shared.pause(random.pause(shared.think)).await {
            break;
        }
    }
    connection.close().await;
    Outcome::Answered
}

impl Connection {
    async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        let _ = stream.set_nodelay(true);
        let peek = SockRef::from(&stream).try_clone()?;
        let (send, connection) = client::handshake(stream).await.map_err(io::Error::other)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // How it ends is seen by each stream.
            let _ = connection.await;
        });
        Ok(Self { send, peek, driver })
    }

    /// Whether a request may be sent. First lets the driver read what has already come: a client
    /// is to know what it can know.
    async fn is_open(&mut self) -> bool {
        for _ in 0..LOOKS {
            let mut byte = [MaybeUninit::uninit()];
            match self.peek.peek(&mut byte) {
                Ok(0) => return false,
                Ok(_) => yield_now().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        yield_now().await;
        self.send.clone().ready().await.is_ok()
    }

    async fn close(self) {
        let Self { send, peek, mut driver } = self;
        // Without a sender, the driver says goodbye and ends.
        drop((send, peek));
        let _ = timeout(SHAKE, driver.join_next()).await;
    }
}

/// Asks one request on a stream of its own.
async fn ask(
    send: SendRequest<Bytes>,
    addr: SocketAddr,
    plan: &Plan,
    deadline: Instant,
) -> Outcome {
    let Ok(mut send) = send.ready().await else { return Outcome::Refused };
    let request = Request::get(format!("http://{addr}{}", plan.path)).body(());
    let Ok(request) = request else { return Outcome::Refused };
    let Ok((response, _)) = send.send_request(request, true) else { return Outcome::Refused };
    match timeout_at(deadline, answer(response, plan)).await {
        Ok(Ok(outcome) | Err(outcome)) => outcome,
        Err(_) => Outcome::Lost(LossReason::TimedOut),
    }
}

async fn answer(response: ResponseFuture, plan: &Plan) -> Result<Outcome, Outcome> {
    let response = response.await.map_err(|error| unanswered(&error))?;
    let (parts, mut body) = response.into_parts();
    let status = parts.status.as_u16();
    // Asked before the first read: an answer of a head alone ends with it.
    let is_head_alone = body.is_end_stream();
    let mut check = if status == 200 { Check::new(plan.expect.clone()) } else { Check::any() };
    while let Some(data) = body.data().await {
        let data = data.map_err(|error| cut(&error, check.received()))?;
        check.feed(&data).map_err(Outcome::Lost)?;
        // Credit that cannot be given back belongs to a stream that is over.
        let _ = body.flow_control().release_capacity(data.len());
        if !plan.read_pause.is_zero() {
            sleep(plan.read_pause).await;
        }
    }
    let trailers = body.trailers().await.map_err(|error| cut(&error, check.received()))?;
    let is_unavailable =
        is_unavailable(&parts.headers) || trailers.as_ref().is_some_and(is_unavailable);
    Ok(match status {
        200 if !is_unavailable => check.end(),
        200 if is_head_alone && may_retry(&parts.headers) => Outcome::Rejected,
        200 => Outcome::Lost(LossReason::GrpcUnavailable),
        503 if parts.headers.contains_key(header::RETRY_AFTER) => Outcome::Rejected,
        503 => Outcome::Lost(LossReason::NoRetryAfter),
        other => Outcome::Lost(LossReason::WrongStatus(other)),
    })
}

fn is_unavailable(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|status| status == "14")
}

/// Whether a gRPC client may send the call again: a pushback that is no time forbids it.
fn may_retry(headers: &HeaderMap) -> bool {
    let pushback = headers.get("grpc-retry-pushback-ms");
    pushback.is_none_or(|time| time.to_str().is_ok_and(|time| time.parse::<u32>().is_ok()))
}

/// What a stream is that ended before its answer began.
fn unanswered(error: &h2::Error) -> Outcome {
    // RFC 9113, 8.7: both guarantee that the request was not processed. h2 ends a stream with the
    // server's GOAWAY only if its number is above the last one that the frame names.
    let is_refused = error.reason() == Some(Reason::REFUSED_STREAM);
    if error.is_remote() && (is_refused || error.is_go_away()) {
        return Outcome::Rejected;
    }
    match error.reason() {
        Some(reason) if error.is_reset() => Outcome::Lost(LossReason::StreamReset(reason.into())),
        _ if error.is_io() => Outcome::Lost(LossReason::ClosedUnanswered),
        _ => Outcome::Lost(LossReason::Malformed("HTTP/2")),
    }
}

/// What a stream is that ended inside its answer.
fn cut(error: &h2::Error, received: u64) -> Outcome {
    match error.reason() {
        Some(reason) if error.is_reset() => Outcome::Lost(LossReason::StreamReset(reason.into())),
        _ => Outcome::Lost(LossReason::TruncatedBody { received }),
    }
}
