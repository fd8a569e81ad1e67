//! Peers that misbehave do not keep a server beyond its stop timeouts.

use std::time::Instant;

use lameduck::server::Connections;
use lameduck_drill::{half_body, silent_connection, silent_http2_peer, unread_download};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    task::{JoinSet, yield_now},
    time::sleep,
};

use super::*;

const DRAIN: Duration = Duration::from_millis(1500);
const CANCEL: Duration = Duration::from_millis(300);
const FORCE: Duration = Duration::from_millis(500);

/// How much a busy machine may add to the stop timeouts.
const NOISE: Duration = Duration::from_secs(1);

/// Stops a server with such peers, and returns its report and how long the stop took.
async fn stopped<P>(
    peers: impl AsyncFnOnce(SocketAddr, Connections) -> P,
) -> (Report, Duration, P) {
    let timeouts = StopTimeouts::new()
        .with_lame_duck(Duration::ZERO)
        .with_drain(DRAIN)
        .with_accept_queue(Duration::from_millis(300))
        .with_cancel(CANCEL)
        .with_force(FORCE);
    let duck = builder()
        .with_stop_timeouts(timeouts)
        .with_sockets(|sockets| {
            sockets.first_byte_grace = Duration::from_millis(300);
            sockets.idle_grace = Duration::from_millis(500);
        })
        .build();
    let (stop, app, connections) = (duck.stop_handle(), app(&duck), duck.connections().clone());
    let (addr, report) = serve(duck, app).await;
    let peers = peers(addr, connections).await;
    #[expect(clippy::disallowed_methods, reason = "the peers are real, and so is their time")]
    let began = Instant::now();
    stop.stop("test", false);
    let report = report.await.unwrap();
    (report, began.elapsed(), peers)
}

#[track_caller]
fn assert_within(took: Duration, limit: Duration, report: &Report) {
    assert!(took < limit + NOISE, "{took:?}: {report}");
}

#[tokio::test]
async fn a_peer_that_never_answers_the_ping_delays_a_stop_to_the_end_of_the_drain() {
    let (report, took, peer) =
        stopped(async |addr, _| silent_http2_peer(addr).await.unwrap()).await;
    assert_eq!(report.outcome(), Outcome::Cancelled, "{report}");
    assert!(took >= DRAIN);
    assert_within(took, DRAIN + CANCEL, &report);
    drop(peer);
}

#[tokio::test]
async fn an_unread_response_is_waited_for_to_the_end_and_then_named() {
    let peers = async |addr, connections: Connections| {
        let peer = unread_download(addr, 64 * 1024 * 1024).await;
        while connections.totals().bytes_out == 0 {
            yield_now().await;
        }
        peer
    };
    let (report, took, peer) = stopped(peers).await;
    assert_eq!(report.outcome(), Outcome::Forced, "{report}");
    assert!(report.blockers().iter().any(|line| line.contains("/download")), "{report}");
    assert_within(took, DRAIN + CANCEL + FORCE, &report);
    drop(peer);
}

/// Sends these bytes one by one, until the server closes the connection.
async fn trickle(
    addr: SocketAddr,
    connections: Connections,
    begin: &'static [u8],
    then: &'static [u8],
) -> JoinSet<()> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(begin).await.unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move {
        while stream.write_all(then).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    while connections.totals().bytes_in <= begin.len() as u64 {
        yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_head_that_trickles_ends_with_its_grace() {
    let peers = async |addr, all| trickle(addr, all, b"GET / HTTP/1.1\r\nx: ", b"a").await;
    let (report, took, mut peer) = stopped(peers).await;
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    assert_within(took, Duration::from_millis(300), &report);
    assert!(peer.join_next().await.is_some());
}

#[tokio::test]
async fn a_body_that_trickles_is_forced_to_end_and_named() {
    let head = b"POST /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\n\r\n";
    let (report, took, mut peer) =
        stopped(async |addr, all| trickle(addr, all, head, b"a").await).await;
    assert!(matches!(report.outcome(), Outcome::Cancelled | Outcome::Forced), "{report}");
    assert!(report.blockers().iter().any(|line| line.contains("/upload")), "{report}");
    assert_within(took, DRAIN + CANCEL + FORCE, &report);
    assert!(peer.join_next().await.is_some());
}

#[tokio::test]
async fn connections_without_a_byte_and_with_half_a_body_are_bounded_too() {
    let peers = async |addr, _| (silent_connection(addr).await, half_body(addr).await);
    let (report, took, peers) = stopped(peers).await;
    assert!(report.outcome() != Outcome::NotStarted, "{report}");
    assert_within(took, DRAIN + CANCEL + FORCE, &report);
    drop(peers);
}

/// Fewer than 10,000: both ends of each are in this process, whose open files are limited.
#[tokio::test]
async fn thousands_of_idle_connections_are_closed_in_time() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let files = limit.current.map_or(8_500, |most| most.min(8_500));
    let count = (files.saturating_sub(500) / 2) as usize;
    let peers = async |addr, _| {
        let mut idle = Vec::new();
        for _ in 0..count {
            idle.push(idle_connection(addr).await);
        }
        idle
    };
    let (report, took, mut idle) = stopped(peers).await;
    assert_eq!(report.outcome(), Outcome::Clean, "{count} idle: {report}");
    assert_within(took, DRAIN, &report);
    for peer in &mut idle {
        assert!(peer.closed(Duration::from_secs(5)).await);
    }
}
