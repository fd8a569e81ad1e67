//! HTTP/2: when each client is notified, and what is served meanwhile.

use std::sync::Arc;

use h2::client::SendRequest;
use tokio::{sync::Semaphore, time::Instant};

use super::*;

type Client = (SendRequest<bytes::Bytes>, JoinHandle<Result<(), h2::Error>>);

async fn connect(addr: SocketAddr) -> Client {
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (send, connection) = h2::client::handshake(tcp).await.unwrap();
    (send, spawn(connection))
}

async fn ask(send: &mut SendRequest<bytes::Bytes>) -> u16 {
    let request = http::Request::get("http://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    within(response).await.unwrap().status().as_u16()
}

/// Waits until the server has answered on so many connections, each of which then knows the phase.
async fn has_greeted(duck: &Duck, count: u64) {
    within(async {
        while duck.connections.totals().accepted < count
            || duck.connections.list().iter().any(|info| info.bytes_out == 0)
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn goaway_comes_at_lame_duck_while_new_connections_are_served() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.run(hello(duck.watch())).await;
    let (mut send, connection) = connect(addr).await;
    assert_eq!(ask(&mut send).await, 200);
    duck.phase.publish(Phase::LameDuck);
    // It was idle: only a GOAWAY can have notified it.
    within(connection).await.unwrap().unwrap();

    // A client that connects now is served, however late its first request is, and then notified.
    let (mut send, connection) = connect(addr).await;
    tokio::time::sleep(SHORT).await;
    assert_eq!(ask(&mut send).await, 200);
    within(connection).await.unwrap().unwrap();
    let mut http1 = TcpStream::connect(addr).await.unwrap();
    assert!(exchange(&mut http1).await.contains("200 OK"));
    assert!(!server.is_finished());
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap();
}

#[tokio::test]
async fn a_connection_without_a_stream_is_notified_after_the_first_byte_grace() {
    let duck = Duck::new(sockets(|o| o.first_byte_grace = SHORT));
    let (addr, _server) = duck.run(hello(duck.watch())).await;
    duck.phase.publish(Phase::LameDuck);
    let began = Instant::now();
    let (_send, connection) = connect(addr).await;
    within(connection).await.unwrap().unwrap();
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_cancelled_stop_keeps_its_new_connections() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.run(hello(duck.watch())).await;
    let (mut send, _) = connect(addr).await;
    assert_eq!(ask(&mut send).await, 200);
    duck.phase.publish(Phase::LameDuck);
    // This client has sent no request yet, and is waited for.
    let (mut late, _connection) = connect(addr).await;
    has_greeted(&duck, 2).await;
    duck.phase.publish(Phase::Running);
    assert_eq!(ask(&mut late).await, 200);
    let (mut send, connection) = connect(addr).await;
    for _ in 0..3 {
        assert_eq!(ask(&mut send).await, 200);
    }
    assert!(!connection.is_finished());
}

#[tokio::test]
async fn a_stop_that_is_cancelled_at_once_leaves_connections_to_be_notified_in_the_next() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.run(hello(duck.watch())).await;
    let (mut send, connection) = connect(addr).await;
    assert_eq!(ask(&mut send).await, 200);
    // No task has a turn in between.
    duck.phase.publish(Phase::LameDuck);
    duck.phase.publish(Phase::Running);
    tokio::time::sleep(SHORT).await;
    assert!(!connection.is_finished());
    duck.phase.publish(Phase::LameDuck);
    within(connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_waited_for_its_first_stream_is_notified_in_the_next_stop() {
    let duck = Duck::new(sockets(|o| o.first_byte_grace = 2 * SHORT));
    let (addr, server) = duck.run(hello(duck.watch())).await;
    duck.phase.publish(Phase::LameDuck);
    let (_send, connection) = connect(addr).await;
    has_greeted(&duck, 1).await;
    duck.phase.publish(Phase::Running);
    tokio::time::sleep(3 * SHORT).await; // longer than its grace
    assert!(!connection.is_finished());
    duck.phase.publish(Phase::Draining);
    within(connection).await.unwrap().unwrap();
    within(server).await.unwrap();
}

#[tokio::test]
async fn a_stream_opened_before_goaway_finishes() {
    let duck = Duck::new(SocketOptions::new());
    let go = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&go);
    let app = Router::new().route(
        "/",
        get(async move || {
            permits.acquire().await.unwrap().forget();
            "hello"
        }),
    );
    let (addr, server) = duck.run(app).await;
    let (mut send, connection) = connect(addr).await;
    let request = http::Request::get("http://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    duck.phase.publish(Phase::LameDuck);
    // No new stream is possible any more: the GOAWAY has come.
    let goaway = async {
        while send.clone().ready().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    within(goaway).await;
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    assert!(!server.is_finished());
    go.add_permits(1);
    let response = within(response).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    assert_eq!(within(body.data()).await.unwrap().unwrap(), "hello");
    within(connection).await.unwrap().unwrap();
    within(server).await.unwrap();
}

#[tokio::test]
async fn force_ends_a_stream_whose_handler_never_answers() {
    let duck = Duck::new(SocketOptions::new());
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let app = Router::new().route(
        "/",
        get(async move || {
            let _kept = Arc::clone(&kept);
            std::future::pending::<()>().await;
        }),
    );
    let (addr, server) = duck.run(app).await;
    let (mut send, connection) = connect(addr).await;
    let request = http::Request::get("http://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    while Arc::strong_count(&held) < 3 {
        tokio::task::yield_now().await;
    }
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    assert!(!server.is_finished());
    duck.phase.publish(Phase::Forced);
    within(server).await.unwrap();
    // The handler is gone as well, and the router with it.
    assert_eq!(Arc::strong_count(&held), 1);
    within(response).await.unwrap_err();
    _ = within(connection).await.unwrap();
}
