//! A server for HTTP/2 alone, such as tonic's: it sends its settings before it has read a byte.

use std::pin::pin;

use axum::http::Request;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use lameduck_server::{ConnectionStage, Protocol};
use tokio::time::Instant;

use super::*;

/// A loop like tonic's, which ends when its one connection does.
async fn serve_one(mut listener: Listener, connections: Connections, app: Router) {
    let (io, _) = listener.accept().await;
    let closing = spawn(async move { listener.accept().await });
    let builder = auto::Builder::new(TokioExecutor::new()).http2_only();
    let service = TowerToHyperService::new(app);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    tokio::select! {
        _ = &mut connection => panic!("it ended before the stop"),
        () = connections.shutdown_signal() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await.unwrap();
    closing.abort();
}

#[tokio::test]
async fn a_server_that_speaks_first_is_known_to_speak_http2_and_its_clients_are_not_held() {
    let duck = Duck::new(SocketOptions::new());
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = spawn(serve_one(listener, duck.connections.clone(), hello(duck.watch())));

    let mut tcp = TcpStream::connect(addr).await.unwrap();
    // The server's settings, before the client has sent a byte.
    let mut settings = [0; 9];
    within(tcp.peek(&mut settings)).await.unwrap();
    assert_eq!(duck.connections.list()[0].stage, ConnectionStage::NoBytes);
    let (send, connection) = within(h2::client::handshake(&mut tcp)).await.unwrap();
    let asked = async {
        let request = Request::get("http://duck/").body(()).unwrap();
        let (response, _) =
            send.clone().ready().await.unwrap().send_request(request, true).unwrap();
        assert_eq!(within(response).await.unwrap().status(), 200);
        let info = &duck.connections.list()[0];
        assert_eq!((info.protocol, info.stage), (Protocol::Http2, ConnectionStage::Multiplexed));
        let began = Instant::now();
        duck.phase.publish(Phase::Draining);
        began
    };
    let (began, ended) = within(async { tokio::join!(asked, connection) }).await;
    ended.unwrap();
    drop(send); // to here: a client that may ask again
    within(server).await.unwrap();
    // An idle HTTP/1 connection would be kept for two seconds.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
