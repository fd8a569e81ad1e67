//! Clients that send a body only when they are asked to: that is not an answer yet.

use axum::body::Bytes;
use lameduck_server::ConnectionStage;

use super::*;

const EXPECTS: &[u8] =
    b"POST / HTTP/1.1\r\nhost: duck\r\nexpect: 100-continue\r\ncontent-length: 14\r\n\r\n";
const BODY: &[u8] = b"CONNECT duck:1";

fn upload(watch: PhaseWatch) -> Router {
    let app = Router::new().route("/", axum::routing::post(async |body: Bytes| body));
    app.layer(from_fn_with_state(watch, tell))
}

/// A client that was asked for its body.
async fn asked(addr: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(EXPECTS).await.unwrap();
    let mut head = [0; 25];
    within(client.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 100 Continue\r\n\r\n");
    client
}

/// Its request is still in flight, and after it the connection is like any other.
async fn check(duck: &Duck, addr: SocketAddr) {
    let mut client = asked(addr).await;
    let stage = || duck.connections.list()[0].stage;
    assert_eq!(stage(), ConnectionStage::Request);
    client.write_all(BODY).await.unwrap();
    let answer = read_answer(&mut client).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.as_bytes().ends_with(BODY), "{answer}");
    assert_eq!(stage(), ConnectionStage::Answered);
}

#[tokio::test]
async fn a_body_that_was_asked_for_is_no_tunnel_whatever_it_begins_with() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(upload(duck.watch())).await;
    check(&duck, addr).await;
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn a_body_that_an_own_server_asked_for_is_no_tunnel_whatever_it_begins_with() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.run(upload(duck.watch())).await;
    check(&duck, addr).await;
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn a_client_that_was_asked_for_its_body_is_not_notified_before_its_answer() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.run(upload(duck.watch())).await;
    let mut client = asked(addr).await;
    duck.phase.publish(Phase::LameDuck);
    let all_notified = duck.connections.all_notified();
    let mut all_notified = std::pin::pin!(all_notified);
    let early = timeout(Duration::from_millis(100), all_notified.as_mut()).await;
    assert!(early.is_err(), "it knows nothing");
    client.write_all(BODY).await.unwrap();
    assert!(read_answer(&mut client).await.unwrap().contains("connection: close"));
    within(all_notified).await;
}
