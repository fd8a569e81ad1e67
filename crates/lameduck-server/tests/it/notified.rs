//! The moment for streams to end: every other client is notified.

use axum::{
    body::{Body, Bytes},
    extract::ws::WebSocketUpgrade,
};
use futures_util::{FutureExt as _, stream::unfold};
use lameduck_server::ConnectionStage;
use tokio_tungstenite::client_async;

use super::*;

const SHORT: Duration = Duration::from_millis(200);

/// A stream of events that ends when every client is notified.
fn events(connections: Connections, interval: Duration) -> Body {
    let all_notified = Box::pin(async move { connections.all_notified().await });
    Body::from_stream(unfold(Some(all_notified), move |all_notified| async move {
        let mut all_notified = all_notified?;
        match timeout(interval, all_notified.as_mut()).await {
            Ok(()) => Some((Ok::<_, io::Error>(Bytes::from_static(b"bye")), None)),
            Err(_) => Some((Ok(Bytes::from_static(b"event")), Some(all_notified))),
        }
    }))
}

fn app(duck: &Duck, interval: Duration) -> Router {
    let connections = duck.connections.clone();
    Router::new()
        .route("/events", get(async move || events(connections.clone(), interval)))
        .merge(hello(duck.watch()))
        .layer(from_fn_with_state(duck.watch(), tell))
}

/// A client whose stream has begun.
async fn listens(addr: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET /events HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"event\r\n") {
        assert!(within(client.read_buf(&mut bytes)).await.unwrap() > 0);
    }
    client
}

/// What a stream sees of lame duck: it continues until the last idle client is notified.
async fn check_streams(duck: &Duck, addr: SocketAddr) {
    let mut listens = listens(addr).await;
    let mut talks = TcpStream::connect(addr).await.unwrap();
    exchange(&mut talks).await;
    let mut leaves = TcpStream::connect(addr).await.unwrap();
    exchange(&mut leaves).await;
    let upgraded = TcpStream::connect(addr).await.unwrap();
    duck.phase.publish(Phase::LameDuck);
    let mut all_notified = spawn({
        let connections = duck.connections.clone();
        async move { connections.all_notified().await }
    });
    assert!(timeout(SHORT, &mut all_notified).await.is_err(), "two idle clients know nothing");
    assert!(exchange(&mut talks).await.contains("connection: close"));
    drop(upgraded);
    assert!(timeout(SHORT, &mut all_notified).await.is_err(), "an idle client knows nothing");
    // A client that comes now is not waited for.
    let late = TcpStream::connect(addr).await.unwrap();
    drop(leaves);
    within(all_notified).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"bye\r\n0\r\n\r\n") {
        assert!(within(listens.read_buf(&mut bytes)).await.unwrap() > 0);
    }
    assert_eq!(duck.watch().current(), Phase::LameDuck);
    drop((late, listens));
}

#[tokio::test]
async fn a_stream_on_a_stock_server_ends_when_every_client_is_notified() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(app(&duck, SHORT / 8)).await;
    check_streams(&duck, addr).await;
}

#[tokio::test]
async fn idle_clients_are_waited_for_until_they_are_closed() {
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = SHORT;
        o.first_byte_grace = SHORT;
    }));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let mut idle = TcpStream::connect(addr).await.unwrap();
    exchange(&mut idle).await;
    let _silent = TcpStream::connect(addr).await.unwrap();
    duck.phase.publish(Phase::LameDuck);
    let all_notified = duck.connections.all_notified();
    let mut all_notified = std::pin::pin!(all_notified);
    assert!(timeout(2 * SHORT, all_notified.as_mut()).await.is_err());
    duck.phase.publish(Phase::Draining);
    within(all_notified).await;
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_wait_until_every_client_is_notified_ends_with_the_drain() {
    let duck = Duck::new(SocketOptions::new());
    let app = Router::new().route("/", get(std::future::pending::<()>));
    let (addr, _server) = duck.serve(app).await;
    let _stuck = connect_and_send(addr, REQUEST);
    while duck.connections.totals().bytes_in == 0 {
        tokio::task::yield_now().await;
    }
    duck.phase.publish(Phase::Draining);
    let all_notified = duck.connections.all_notified();
    let mut all_notified = std::pin::pin!(all_notified);
    assert!(timeout(SHORT, all_notified.as_mut()).await.is_err());
    duck.phase.publish(Phase::Cancelling);
    within(all_notified).await;
}

#[tokio::test]
async fn a_stop_after_a_cancelled_one_waits_for_its_own_clients() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(hello(duck.watch())).await;
    duck.phase.publish(Phase::LameDuck);
    within(duck.connections.all_notified()).await;
    duck.phase.publish(Phase::Running);
    let mut idle = TcpStream::connect(addr).await.unwrap();
    exchange(&mut idle).await;
    let all_notified = duck.connections.all_notified();
    let mut all_notified = std::pin::pin!(all_notified);
    assert!(timeout(SHORT, all_notified.as_mut()).await.is_err(), "no stop is under way");
    duck.phase.publish(Phase::LameDuck);
    assert!(timeout(SHORT, all_notified.as_mut()).await.is_err(), "the idle one knows nothing");
    assert!(exchange(&mut idle).await.contains("connection: close"));
    within(all_notified).await;
}

/// A WebSocket without messages that is never closed.
async fn upgrade(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |_socket| std::future::pending().await)
}

#[tokio::test]
async fn a_websocket_is_not_waited_for() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(Router::new().route("/", get(upgrade))).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (_client, _) = client_async("ws://duck/", tcp).await.unwrap();
    assert_eq!(duck.connections.list()[0].stage, ConnectionStage::Upgraded);
    duck.phase.publish(Phase::LameDuck);
    within(duck.connections.all_notified()).await;
}

/// An own server knows more: which answers are in flight, and which clients got GOAWAY.
#[cfg(feature = "serve")]
mod own {
    use super::*;

    #[tokio::test]
    async fn a_stream_on_an_own_server_ends_when_every_client_is_notified() {
        let duck = Duck::new(SocketOptions::new());
        let (addr, _server) = duck.run(app(&duck, SHORT / 8)).await;
        check_streams(&duck, addr).await;
    }

    #[tokio::test]
    async fn a_stream_without_events_is_not_waited_for() {
        let duck = Duck::new(SocketOptions::new());
        let app = Router::new().route(
            "/",
            get(async || {
                let silent = futures_util::stream::pending::<io::Result<Bytes>>();
                let begin = futures_util::stream::iter([Ok(Bytes::from_static(b"event"))]);
                Body::from_stream(futures_util::StreamExt::chain(begin, silent))
            }),
        );
        let (addr, _server) = duck.run(app).await;
        let mut client = TcpStream::connect(addr).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"event\r\n") {
            assert!(within(client.read_buf(&mut bytes)).await.unwrap() > 0);
        }
        duck.phase.publish(Phase::LameDuck);
        within(duck.connections.all_notified()).await;
    }

    #[tokio::test]
    async fn an_http2_client_knows_by_goaway() {
        let duck = Duck::new(SocketOptions::new());
        let (addr, _server) = duck.run(hello(duck.watch())).await;
        let tcp = TcpStream::connect(addr).await.unwrap();
        let (mut send, connection) = h2::client::handshake(tcp).await.unwrap();
        let _connection = spawn(connection);
        let request = http::Request::get("http://duck/").body(()).unwrap();
        let (response, _) = send.send_request(request, true).unwrap();
        within(response).await.unwrap();
        duck.phase.publish(Phase::LameDuck);
        within(duck.connections.all_notified()).await;
    }

    #[tokio::test]
    async fn a_client_whose_stream_ended_late_is_notified_with_its_next_answer() {
        let duck = Duck::new(sockets(|o| o.idle_grace = SHORT));
        let slow = get(async || {
            Body::from_stream(unfold(false, |is_over| async move {
                // Its connection sends nothing for longer than the grace, and is not idle.
                tokio::time::sleep(4 * SHORT).await;
                (!is_over).then_some((Ok::<_, io::Error>(Bytes::from_static(b"bye")), true))
            }))
        });
        let (addr, server) = duck.run(hello(duck.watch()).route("/slow", slow)).await;
        let mut client = TcpStream::connect(addr).await.unwrap();
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
        while duck.connections.totals().bytes_out == 0 {
            tokio::task::yield_now().await;
        }
        duck.phase.publish(Phase::Draining);
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"bye\r\n0\r\n\r\n") {
            assert!(within(client.read_buf(&mut bytes)).await.unwrap() > 0);
        }
        assert!(exchange(&mut client).await.contains("connection: close"));
        within(server).await.unwrap();
    }
}

#[tokio::test]
async fn a_cancelled_stop_sends_no_client_away() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(hello(duck.watch())).await;
    let mut idle = TcpStream::connect(addr).await.unwrap();
    exchange(&mut idle).await;
    let connections = duck.connections.clone();
    let mut all_notified = spawn(async move { connections.all_notified().await });
    tokio::task::yield_now().await;
    duck.phase.publish(Phase::LameDuck);
    assert!(timeout(SHORT / 4, &mut all_notified).await.is_err(), "one knows nothing");
    duck.phase.publish(Phase::Running);
    drop(idle);
    within(duck.connections.all_closed()).await;
    assert!(timeout(SHORT, &mut all_notified).await.is_err(), "there is no stop");
    let mut idle = TcpStream::connect(addr).await.unwrap();
    exchange(&mut idle).await;
    duck.phase.publish(Phase::LameDuck);
    assert!(timeout(SHORT, &mut all_notified).await.is_err(), "this one knows nothing either");
    assert!(exchange(&mut idle).await.contains("connection: close"));
    within(all_notified).await.unwrap();
}

#[tokio::test]
async fn a_stop_after_a_cancelled_one_waits_for_no_client_twice() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(hello(duck.watch())).await;
    let mut idle = TcpStream::connect(addr).await.unwrap();
    exchange(&mut idle).await;
    for _ in 0..2 {
        let connections = duck.connections.clone();
        let mut all_notified = Box::pin(async move { connections.all_notified().await });
        assert!(timeout(SHORT / 4, &mut all_notified).await.is_err());
        duck.phase.publish(Phase::LameDuck);
        assert!(timeout(SHORT / 4, &mut all_notified).await.is_err(), "one knows nothing");
        duck.phase.publish(Phase::Running);
    }
    let connections = duck.connections.clone();
    let all_notified = spawn(async move { connections.all_notified().await });
    tokio::task::yield_now().await;
    duck.phase.publish(Phase::LameDuck);
    assert!(exchange(&mut idle).await.contains("connection: close"));
    within(all_notified).await.unwrap();
}

#[tokio::test]
async fn a_wait_from_a_cancelled_stop_waits_for_the_clients_before_the_next() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(hello(duck.watch())).await;
    let mut first = TcpStream::connect(addr).await.unwrap();
    exchange(&mut first).await;
    let mut all_notified = std::pin::pin!(duck.connections.all_notified());
    duck.phase.publish(Phase::LameDuck);
    assert!(all_notified.as_mut().now_or_never().is_none(), "the first knows nothing");
    duck.phase.publish(Phase::Running);
    let mut second = TcpStream::connect(addr).await.unwrap();
    exchange(&mut second).await;
    duck.phase.publish(Phase::LameDuck);
    assert!(exchange(&mut first).await.contains("connection: close"));
    assert!(all_notified.as_mut().now_or_never().is_none(), "the second knows nothing");
    assert!(exchange(&mut second).await.contains("connection: close"));
    within(all_notified).await;
}

#[tokio::test]
async fn a_first_wait_in_a_second_stop_waits_for_the_clients_before_it() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(hello(duck.watch())).await;
    duck.phase.publish(Phase::LameDuck);
    within(duck.connections.all_notified()).await;
    // No wait is polled between the two.
    duck.phase.publish(Phase::Running);
    let mut idle = TcpStream::connect(addr).await.unwrap();
    exchange(&mut idle).await;
    duck.phase.publish(Phase::LameDuck);
    let mut all_notified = std::pin::pin!(duck.connections.all_notified());
    assert!(all_notified.as_mut().now_or_never().is_none(), "it knows nothing");
    assert!(exchange(&mut idle).await.contains("connection: close"));
    within(all_notified).await;
}

#[tokio::test]
async fn a_wait_from_a_cancelled_stop_does_not_wait_for_connections_upgraded_since() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(hello(duck.watch()).route("/ws", get(upgrade))).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    exchange(&mut client).await;
    let mut all_notified = std::pin::pin!(duck.connections.all_notified());
    duck.phase.publish(Phase::LameDuck);
    assert!(all_notified.as_mut().now_or_never().is_none(), "it knows nothing");
    duck.phase.publish(Phase::Running);
    let (_client, _) = client_async("ws://duck/ws", client).await.unwrap();
    duck.phase.publish(Phase::LameDuck);
    within(all_notified).await;
}
