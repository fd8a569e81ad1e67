//! A client that is still sending when its answer comes.

use std::io::Read as _;

use axum::http::StatusCode;
use lameduck_server::serve;
use tokio::task::spawn_blocking;

use super::*;

const LEN: usize = 4 * 1024 * 1024;

/// How many of 20 clients, each of which sends all of its upload and then reads, got the whole
/// answer of a server that reads nothing.
async fn answered(lingering_close: Duration) -> usize {
    let duck = Duck::new(ServerOptions::new());
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let reject = async || (StatusCode::SERVICE_UNAVAILABLE, [(CONNECTION, "close")], "not now");
    let app = Router::new().route("/", axum::routing::post(reject));
    let server = serve(listener, app).with_lingering_close(lingering_close);
    let server = spawn(server.into_future());
    let clients: Vec<_> = (0..20).map(|_| spawn_blocking(move || upload(addr))).collect();
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

fn upload(addr: SocketAddr) -> io::Result<String> {
    let head = format!("POST / HTTP/1.1\r\nhost: duck\r\ncontent-length: {LEN}\r\n\r\n");
    let mut client = std::net::TcpStream::connect(addr)?;
    client.write_all(head.as_bytes())?;
    client.write_all(&vec![b'a'; LEN])?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test]
async fn a_rejected_upload_reads_its_whole_answer() {
    assert_eq!(answered(Duration::from_secs(5)).await, 20);
}

#[tokio::test]
async fn without_a_lingering_close_rejected_uploads_are_reset() {
    assert!(answered(Duration::ZERO).await < 20);
}

#[tokio::test]
async fn a_close_lingers_only_for_clients_that_send() {
    let duck = Duck::new(ServerOptions::new());
    let (addr, server) = duck.run(hello(duck.watch())).await;
    // A client that keeps its side open for ever.
    let mut client = TcpStream::connect(addr).await.unwrap();
    exchange(&mut client).await;
    duck.phase.publish(Phase::Draining);
    assert!(exchange(&mut client).await.contains("connection: close"));
    let told = tokio::time::Instant::now();
    within(server).await.unwrap();
    assert!(told.elapsed() < Duration::from_millis(400), "{:?}", told.elapsed());
}

#[tokio::test]
async fn a_client_that_sends_for_ever_ends_with_the_time() {
    let duck = Duck::new(ServerOptions::new());
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let reject = async || (StatusCode::SERVICE_UNAVAILABLE, [(CONNECTION, "close")], "not now");
    let app = Router::new().route("/", axum::routing::post(reject));
    let server = spawn(serve(listener, app).with_lingering_close(SHORT).into_future());
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
