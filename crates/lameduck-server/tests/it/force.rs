//! Connections that do not end by themselves.

use std::{future::pending, sync::Arc};

use tokio::sync::Notify;

use super::*;

/// A server whose handler reports that it was entered, and never answers.
async fn stuck(duck: &Duck) -> (SocketAddr, JoinHandle<io::Result<()>>, Arc<Notify>) {
    let entered = Arc::new(Notify::new());
    let tell = Arc::clone(&entered);
    let app = Router::new().route(
        "/",
        get(|| async move {
            tell.notify_one();
            pending::<()>().await;
        }),
    );
    let (addr, server) = duck.serve(app).await;
    (addr, server, entered)
}

#[tokio::test]
async fn force_reaches_a_handler_that_never_ends() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server, entered) = stuck(&duck).await;
    let mut client = into_tokio(connect_and_send(addr, REQUEST));
    within(entered.notified()).await;
    duck.phase.publish(Phase::Forced);
    assert_eq!(duck.connections.abort_all(), 1);
    within(duck.connections.all_closed()).await;
    within(server).await.unwrap().unwrap();
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
    assert_eq!(duck.connections.totals().aborted, 1);
    assert_eq!(duck.connections.abort_all(), 0);
}

/// hyper does not touch the socket while a second request waits in its buffer, so a shutdown of the
/// socket wakes no task: the stored waker does.
#[tokio::test]
async fn force_reaches_a_handler_that_never_ends_behind_a_pipelined_request() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server, entered) = stuck(&duck).await;
    let _client = connect_and_send(addr, &[REQUEST, REQUEST].concat());
    within(entered.notified()).await;
    // The phase does not move, so the server's own stop signal does not wake it either.
    assert_eq!(duck.connections.abort_all(), 1);
    within(duck.connections.all_closed()).await;
}

#[tokio::test]
async fn force_ends_a_connection_that_is_not_polled_as_its_client_sees_it() {
    let duck = Duck::new(SocketOptions::new());
    let mut listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut io, _) = listener.accept().await;
    assert_eq!(duck.connections.abort_all(), 1);
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
    assert_eq!(duck.connections.count(), 1);
    let error = io.write_all(b"x").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn force_reaches_an_http2_peer_that_never_answers() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let mut client = into_tokio(connect_and_send(addr, preface));
    // The server's own settings: it speaks HTTP/2 now.
    let mut frame = [0; 9];
    within(client.read_exact(&mut frame)).await.unwrap();
    assert_eq!(frame[3], 4);

    duck.phase.publish(Phase::Draining);
    // HTTP/2 does not hold the signal, so a GOAWAY comes; its PING is never answered.
    let mut seen = Vec::new();
    while !seen.windows(2).any(|bytes| bytes == [7, 0]) {
        within(client.read_buf(&mut seen)).await.unwrap();
    }
    assert_eq!(duck.connections.count(), 1);
    assert!(!server.is_finished());
    assert_eq!(duck.connections.abort_all(), 1);
    within(duck.connections.all_closed()).await;
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_http2_client_is_notified_by_goaway_and_leaves() {
    let duck = Duck::new(sockets(|o| o.idle_grace = Duration::from_secs(60)));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut send, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = spawn(connection);
    let request = http::Request::get("http://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    assert_eq!(within(response).await.unwrap().status(), 200);
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap().unwrap();
    within(connection).await.unwrap().unwrap();
    within(duck.connections.all_closed()).await;
}

#[tokio::test]
async fn a_connection_that_turns_out_to_be_http2_holds_the_signal_no_more() {
    let long = Duration::from_secs(60);
    let duck = Duck::new(sockets(|o| o.first_byte_grace = long));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    assert_eq!(duck.connections.count(), 1);
    let (_send, connection) = h2::client::handshake(tcp).await.unwrap();
    within(connection).await.unwrap();
    within(server).await.unwrap().unwrap();
}
