//! Stops under load with TLS, and the outcome of every request.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use lameduck_drain::DrainLayer;
use tokio::time::sleep;

use super::*;

/// The outcomes of the requests of all clients.
#[derive(Debug, Default)]
struct Verdict {
    answered: AtomicU32,
    rejected: AtomicU32,
    /// Sent, at least in part, and not answered whole.
    lost: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

/// Connects until it is refused. Sends at most so many requests on each connection.
async fn client(addr: SocketAddr, connector: TlsConnector, kept: u32, verdict: Arc<Verdict>) {
    while !verdict.is_over.load(Ordering::Relaxed) {
        let Ok(tcp) = TcpStream::connect(addr).await else { return };
        let name = ServerName::try_from("duck").unwrap();
        // A client whose handshake fails has sent no request: it may go elsewhere.
        let Ok(mut client) = connector.connect(name, tcp).await else { continue };
        for _ in 0..kept {
            let sent = client.write_all(REQUEST).await;
            let answer = match sent {
                Ok(()) => read_answer(&mut client).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => {
                    verdict.answered.fetch_add(1, Ordering::Relaxed);
                    if answer.contains("connection: close") {
                        break;
                    }
                }
                Ok(answer) => {
                    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after"));
                    verdict.rejected.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                Err(error) => {
                    verdict.lost.lock().unwrap().push(error.to_string());
                    break;
                }
            }
            sleep(Duration::from_millis(u64::from(kept % 7))).await;
        }
        // As libraries do, but not browsers: the client sends its end.
        _ = client.shutdown().await;
    }
}

async fn check(is_own: bool, lame_duck: Duration) {
    let app = |watch| Router::new().route("/", get(async || "hello")).layer(DrainLayer::new(watch));
    let server = Secure::start(SocketOptions::new(), |tls| tls, app, is_own).await;
    let (verdict, mut clients) = (Arc::new(Verdict::default()), tokio::task::JoinSet::new());
    for number in 0..24 {
        let connector = connector(&[&server.trusted], &["http/1.1"]);
        let kept = if number % 3 == 0 { 1 } else { 10 + number };
        clients.spawn(client(server.addr, connector, kept, Arc::clone(&verdict)));
    }
    within(async {
        while verdict.answered.load(Ordering::Relaxed) < 200 {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    if !lame_duck.is_zero() {
        server.duck.phase.publish(Phase::LameDuck);
        sleep(lame_duck).await;
    }
    let closed = server.duck.connections.clone();
    server.stop().await;
    verdict.is_over.store(true, Ordering::Relaxed);
    while let Some(client) = within(clients.join_next()).await {
        client.unwrap();
    }
    let lost = verdict.lost.lock().unwrap();
    assert!(lost.is_empty(), "{lost:?}, {verdict:?}, {:?}", closed.totals());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_under_load_lose_nothing() {
    for is_own in [true, false] {
        check(is_own, SHORT).await;
        check(is_own, Duration::ZERO).await;
    }
}
