//! The client that speaks HTTP/2 with prior knowledge.

use std::{
    convert::Infallible,
    future::{pending, poll_fn},
    io,
    mem::MaybeUninit,
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::{
    Reason, SendStream,
    client::{self, ResponseFuture, SendRequest},
};
use http::{HeaderMap, Request, header};
use socket2::{SockRef, Socket};
use tokio::{
    net::TcpStream,
    task::{JoinSet, yield_now},
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    LossReason, Outcome, PlanBody,
    check::Check,
    random::Random,
    shared::{Script, Shared, Target},
};

/// How long the preface may take, and the end of the connection after its last stream.
const HANDSHAKE: Duration = Duration::from_secs(3);

/// How often the kernel is asked whether everything that arrived was read.
const LOOKS: usize = 1000;

/// A connection, driven by a task of its own.
struct Connection {
    send: SendRequest<Bytes>,
    /// A second handle of the socket, to see what the driver has not read yet.
    peek: Socket,
    driver: JoinSet<()>,
}

/// Sends requests on one connection until it is closed or the load ends. None if there is no plan.
pub(super) async fn connection(
    shared: &Shared,
    script: &Script,
    streams: u64,
    random: &mut Random,
) -> Option<Outcome> {
    script.choose(random)?;
    let ticket = shared.ledger.begin(script.row);
    let connected = timeout(HANDSHAKE, Connection::open(shared.addr)).await;
    let Ok(Ok(mut connection)) = connected else {
        ticket.end(Outcome::Refused);
        return Some(Outcome::Refused);
    };
    // The first request takes this ticket.
    let mut first = Some(ticket);
    loop {
        let is_open = connection.is_open().await;
        if !is_open {
            if let Some(ticket) = first {
                ticket.end(Outcome::Refused);
            }
            break;
        }
        let targets: Vec<_> =
            (0..random.of(1..=streams)).filter_map(|_| script.choose(random)).collect();
        let streams = targets.into_iter().map(|target| {
            let ticket = first.take().unwrap_or_else(|| shared.ledger.begin(script.row));
            let send = connection.send.clone();
            let deadline = Instant::now() + shared.time_limit;
            async move { ticket.end(exchange(send, shared.addr, target, deadline).await) }
        });
        join_all(streams.collect::<Vec<_>>()).await;
        if !shared.pause(random.pause(script.scenario.think_time)).await {
            break;
        }
    }
    connection.close().await;
    Some(Outcome::Answered)
}

impl Connection {
    async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        let _ = stream.set_nodelay(true);
        let peek = SockRef::from(&stream).try_clone()?;
        let (send, connection) = client::handshake(stream).await.map_err(io::Error::other)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Each stream sees how the connection ends.
            let _ = connection.await;
        });
        Ok(Self { send, peek, driver })
    }

    /// Whether a request may be sent. First lets the driver read what has already arrived, because
    /// a client is expected to know what it can know.
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
        // Without a sender, the driver sends a GOAWAY and ends.
        drop((send, peek));
        let _ = timeout(HANDSHAKE, driver.join_next()).await;
    }
}

/// Sends one request on a new stream, and reads its answer.
async fn exchange(
    send: SendRequest<Bytes>,
    addr: SocketAddr,
    target: &Target,
    deadline: Instant,
) -> Outcome {
    let Ok(mut send) = send.ready().await else { return Outcome::Refused };
    let plan = &target.plan;
    let request =
        Request::builder().method(&plan.method).uri(format!("http://{addr}{}", plan.path));
    let Ok(mut request) = request.body(()) else { return Outcome::Refused };
    request.headers_mut().clone_from(&plan.headers);
    let sent = send.send_request(request, plan.body.is_none());
    let Ok((response, stream)) = sent else { return Outcome::Refused };
    let answered = async {
        tokio::select! {
            outcome = answer(response, target) => outcome,
            never = send_body(stream, plan.body.as_ref()) => match never {},
        }
    };
    match timeout_at(deadline, answered).await {
        Ok(Ok(outcome) | Err(outcome)) => outcome,
        Err(_) => Outcome::Lost(LossReason::TimedOut),
    }
}

/// Sends a body with its pauses. Never completes: the answer decides, and may come before the end.
async fn send_body(mut stream: SendStream<Bytes>, body: Option<&PlanBody>) -> Infallible {
    if let Some(PlanBody { parts, pause, .. }) = body {
        for part in parts {
            sleep(*pause).await;
            // An error here is seen by the answer, too.
            _ = send_part(&mut stream, part.clone()).await;
        }
        _ = stream.send_data(Bytes::new(), true);
    }
    pending().await
}

/// Sends as much at a time as the peer's window allows.
async fn send_part(stream: &mut SendStream<Bytes>, mut part: Bytes) -> Option<()> {
    while !part.is_empty() {
        stream.reserve_capacity(part.len());
        let room = poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
        stream.send_data(part.split_to(room.min(part.len())), false).ok()?;
    }
    Some(())
}

async fn answer(response: ResponseFuture, target: &Target) -> Result<Outcome, Outcome> {
    let plan = &target.plan;
    let response = response.await.map_err(|error| unanswered(&error))?;
    let (parts, mut body) = response.into_parts();
    let status = parts.status.as_u16();
    // Read before the body, because afterwards each answer is at its end.
    let is_head_alone = body.is_end_stream();
    let mut check = if status == plan.status { Check::new(target) } else { Check::any() };
    while let Some(data) = body.data().await {
        let data = data.map_err(|error| cut(&error, check.received()))?;
        check.feed(&data).map_err(Outcome::Lost)?;
        // This fails only if the stream has ended.
        let _ = body.flow_control().release_capacity(data.len());
        if !plan.read_pause.is_zero() {
            sleep(plan.read_pause).await;
        }
    }
    let trailers = body.trailers().await.map_err(|error| cut(&error, check.received()))?;
    let is_unavailable =
        is_unavailable(&parts.headers) || trailers.as_ref().is_some_and(is_unavailable);
    Ok(match status {
        _ if status == plan.status && !is_unavailable => check.end(),
        200 if is_head_alone && may_retry(&parts.headers) => Outcome::Rejected,
        200 if is_unavailable => Outcome::Lost(LossReason::GrpcUnavailable),
        503 if parts.headers.contains_key(header::RETRY_AFTER) => Outcome::Rejected,
        503 => Outcome::Lost(LossReason::NoRetryAfter),
        other => Outcome::Lost(LossReason::WrongStatus(other)),
    })
}

fn is_unavailable(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|status| status == "14")
}

/// Whether a gRPC client may retry the call: a pushback that is not a time forbids it.
fn may_retry(headers: &HeaderMap) -> bool {
    let pushback = headers.get("grpc-retry-pushback-ms");
    pushback.is_none_or(|time| time.to_str().is_ok_and(|time| time.parse::<u32>().is_ok()))
}

/// The outcome of a stream that ended before its answer began.
fn unanswered(error: &h2::Error) -> Outcome {
    // RFC 9113, 8.7: both guarantee that the request was not processed. h2 ends a stream with the
    // server's GOAWAY only if the stream is above the last one that the frame names.
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

/// The outcome of a stream that ended inside its answer.
fn cut(error: &h2::Error, received: u64) -> Outcome {
    match error.reason() {
        Some(reason) if error.is_reset() => Outcome::Lost(LossReason::StreamReset(reason.into())),
        _ => Outcome::Lost(LossReason::TruncatedBody { received }),
    }
}
