//! A client that is still sending when its answer comes.

use std::io::Read as _;

use axum::http::StatusCode;
use lameduck_server::serve;
use tokio::{task::spawn_blocking, time::Instant};

use super::*;

const LEN: usize = 4 * 1024 * 1024;

/// How long `serve` lingers by default.
const DEFAULT: Option<Duration> = Some(Duration::from_secs(5));

/// A server that reads nothing of an upload and rejects it.
async fn refusing(duck: &Duck, lingering_close: Option<Duration>) -> (SocketAddr, JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let refuse = async || (StatusCode::SERVICE_UNAVAILABLE, [(CONNECTION, "close")], "not now");
    let app = Router::new().route("/", axum::routing::post(refuse));
    let server =
        serve(listener, app).with_options(http(|o| o.lingering_close = lingering_close)).unwrap();
    (addr, spawn(server.into_future()))
}

/// How many of 20 clients, each of which sends its whole upload and then reads, got the whole
/// answer. Each pauses between head and body.
async fn answered(lingering_close: Option<Duration>, pause: Duration) -> usize {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = refusing(&duck, lingering_close).await;
    let clients: Vec<_> = (0..20).map(|_| spawn_blocking(move || upload(addr, pause))).collect();
    let mut answered = 0;
    for client in clients {
        let answer = within(client).await.unwrap();
        let is_whole = |answer: String| {
            answer.starts_with("HTTP/1.1 503") && answer.ends_with("\r\n\r\nnot now")
        };
        answered += usize::from(answer.is_ok_and(is_whole));
    }
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap();
    answered
}

fn upload(addr: SocketAddr, pause: Duration) -> io::Result<String> {
    let head = format!("POST / HTTP/1.1\r\nhost: duck\r\ncontent-length: {LEN}\r\n\r\n");
    let mut client = std::net::TcpStream::connect(addr)?;
    client.write_all(head.as_bytes())?;
    std::thread::sleep(pause);
    client.write_all(&vec![b'a'; LEN])?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test]
async fn a_rejected_upload_reads_its_whole_answer() {
    assert_eq!(answered(DEFAULT, Duration::ZERO).await, 20);
}

#[tokio::test]
async fn a_rejected_upload_that_had_not_begun_reads_its_whole_answer() {
    assert_eq!(answered(DEFAULT, SHORT / 2).await, 20);
}

#[tokio::test]
async fn without_a_lingering_close_rejected_uploads_are_reset() {
    // The kernel decides which of them: one stop without a reset proves nothing yet.
    for _ in 0..10 {
        if answered(None, Duration::ZERO).await < 20 {
            return;
        }
    }
    panic!("200 clients read their 503, so this says nothing for the lingering close");
}

/// A stop with a client that keeps its own direction open, after it was notified or its grace is
/// over.
async fn check_no_delay(app: Router, request: &[u8], speaks: bool) {
    let duck = Duck::new(sockets(|o| o.idle_grace = SHORT));
    let app = app.layer(from_fn_with_state(duck.watch(), tell));
    let (addr, server) = duck.run(app).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(request).await.unwrap();
    read_answer(&mut client).await.unwrap();
    let mut began = Instant::now();
    duck.phase.publish(Phase::Draining);
    if speaks {
        client.write_all(request).await.unwrap();
        assert!(read_answer(&mut client).await.unwrap().contains("connection: close"));
        began = Instant::now();
    }
    within(server).await.unwrap();
    let most = if speaks { SHORT * 2 } else { SHORT * 3 };
    assert!(began.elapsed() < most, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_close_lingers_only_for_clients_that_send() {
    let app = Router::new().route("/", get(|| async { "hello" }));
    check_no_delay(app, REQUEST, true).await;
}

#[tokio::test]
async fn a_close_does_not_linger_for_a_client_that_was_silent_after_its_upload() {
    let app = Router::new().route("/", axum::routing::post(|body: String| async { body }));
    let request = b"POST / HTTP/1.1\r\nhost: duck\r\ncontent-length: 5\r\n\r\nhello";
    check_no_delay(app, request, false).await;
}

#[tokio::test]
async fn a_client_that_sends_for_ever_is_closed_when_the_time_is_over() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = refusing(&duck, Some(SHORT)).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"POST / HTTP/1.1\r\ncontent-length: 99999\r\n\r\n").await.unwrap();
    let sending = spawn(async move {
        while client.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 8).await;
        }
    });
    within(sending).await.unwrap();
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap();
}
