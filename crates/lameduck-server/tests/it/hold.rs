//! Which connections hold the shutdown signal, and for how long.

use std::sync::Arc;

use lameduck_server::TrackedIo;
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use futures_util::StreamExt as _;

use super::*;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn an_idle_connection_is_kept_until_its_client_is_notified() {
    let duck = Duck::new(sockets(|o| o.idle_grace = LONG));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    assert!(!exchange(&mut client).await.contains("connection: close"));
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;

    assert!(exchange(&mut client).await.contains("connection: close"));
    // No timer is due: the close of the last connection that held the signal completes it.
    within(server).await.unwrap().unwrap();
    assert_eq!(duck.connections.totals().idle_closed, 0);
}

#[tokio::test]
async fn an_idle_connection_that_stays_idle_is_closed_after_the_grace() {
    let duck = Duck::new(sockets(|o| o.idle_grace = SHORT));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    exchange(&mut client).await;
    let began = Instant::now();
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap().unwrap();
    assert!(began.elapsed() >= SHORT);
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
    let totals = duck.connections.totals();
    assert_eq!((totals.idle_closed, totals.rejected, totals.unread), (1, 0, 0));
}

#[tokio::test]
async fn a_connection_without_a_byte_is_served_within_its_grace_and_closed_after() {
    let duck = Duck::new(sockets(|o| o.first_byte_grace = SHORT));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let (mut speaks, mut silent) =
        (TcpStream::connect(addr).await.unwrap(), TcpStream::connect(addr).await.unwrap());
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    assert!(exchange(&mut speaks).await.contains("200 OK"));
    within(server).await.unwrap().unwrap();
    assert!(read_to_end(&mut silent).await.unwrap().is_empty());
}

#[tokio::test]
async fn half_a_request_head_may_be_completed_within_the_grace_and_ends_after() {
    let duck = Duck::new(sockets(|o| o.first_byte_grace = SHORT));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let (first, rest) = REQUEST.split_at(20);
    let mut completes = into_tokio(connect_and_send(addr, first));
    let mut stuck = into_tokio(connect_and_send(addr, first));
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    completes.write_all(rest).await.unwrap();
    assert!(read_answer(&mut completes).await.unwrap().contains("200 OK"));
    // With half a head, hyper itself would wait for ever.
    within(server).await.unwrap().unwrap();
    _ = read_to_end(&mut stuck).await;
    assert_eq!(duck.connections.count(), 0);
}

/// Stops a server while `client` sends a byte of a head at intervals, until it is closed.
async fn check_trickle(duck: &Duck, server: JoinHandle<io::Result<()>>, mut client: TcpStream) {
    duck.phase.publish(Phase::Draining);
    client.write_all(REQUEST.split_at(20).0).await.unwrap();
    let trickle = spawn(async move {
        while client.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 8).await;
        }
    });
    within(server).await.unwrap().unwrap();
    within(trickle).await.unwrap();
}

#[tokio::test]
async fn a_head_that_trickles_does_not_hold_past_its_grace() {
    let duck = Duck::new(sockets(|o| o.first_byte_grace = SHORT));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let client = TcpStream::connect(addr).await.unwrap();
    check_trickle(&duck, server, client).await;
}

#[tokio::test]
async fn a_later_head_that_trickles_does_not_hold_past_its_grace() {
    let duck = Duck::new(sockets(|o| o.first_byte_grace = SHORT));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    exchange(&mut client).await;
    check_trickle(&duck, server, client).await;
}

#[tokio::test]
async fn half_a_later_head_may_be_completed_within_the_grace() {
    let duck = Duck::new(sockets(|o| o.first_byte_grace = LONG));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    exchange(&mut client).await;
    duck.phase.publish(Phase::Draining);
    let (first, rest) = REQUEST.split_at(20);
    let read = duck.connections.totals().bytes_in + first.len() as u64;
    client.write_all(first).await.unwrap();
    within(async {
        while duck.connections.totals().bytes_in < read {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.write_all(rest).await.unwrap();
    assert!(read_answer(&mut client).await.unwrap().contains("connection: close"));
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_listener_that_nobody_accepts_from_holds_the_signal_for_its_time_only() {
    let duck = Duck::new(SocketOptions::new());
    let forgotten = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let (_, server) = duck.serve(hello(duck.watch())).await;
    let began = Instant::now();
    duck.drain_within(SHORT);
    within(server).await.unwrap().unwrap();
    assert!(began.elapsed() >= SHORT);
    drop(forgotten);
    let closed = within(duck.connections.listeners_closed()).await;
    assert!(closed.listeners == 2 && !closed.queue_drained, "{closed}");
}

#[tokio::test]
async fn a_request_in_flight_does_not_hold_the_signal_and_its_answer_notifies_the_client() {
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = LONG;
        o.first_byte_grace = SHORT;
    }));
    let (go, gone) = (Arc::new(Semaphore::new(1)), Arc::new(Notify::new()));
    let (permits, entered) = (Arc::clone(&go), Arc::clone(&gone));
    let handler = async move || {
        entered.notify_one();
        permits.acquire().await.unwrap().forget();
        "hello"
    };
    let app = Router::new().route("/", get(handler)).layer(from_fn_with_state(duck.watch(), tell));
    let (addr, server) = duck.serve(app).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    assert!(!exchange(&mut client).await.contains("connection: close"));
    within(gone.notified()).await;
    client.write_all(REQUEST).await.unwrap();
    within(gone.notified()).await;
    duck.phase.publish(Phase::Draining);
    within(duck.connections.shutdown_signal()).await;
    go.add_permits(1);
    assert!(read_answer(&mut client).await.unwrap().contains("connection: close"));
    within(server).await.unwrap().unwrap();
}

/// A connection that the test itself reads from, answered once.
async fn answered(duck: &Duck) -> (TcpStream, TrackedIo<TcpStream>) {
    let mut listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let mut io = listener.accept().await.0;
    client.write_all(REQUEST).await.unwrap();
    io.read_buf(&mut Vec::new()).await.unwrap();
    io.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    (client, io)
}

#[tokio::test]
async fn bytes_that_came_but_were_not_read_hold_the_signal() {
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = SHORT;
        o.first_byte_grace = SHORT;
    }));
    let (mut client, mut io) = answered(&duck).await;
    let mut stop = Box::pin(duck.connections.shutdown_signal());
    // The server is too busy to read it.
    client.write_all(REQUEST).await.unwrap();
    duck.phase.publish(Phase::Draining);
    assert!(timeout(SHORT + SHORT / 2, stop.as_mut()).await.is_err());
    // Now it does, and answers.
    io.read_buf(&mut Vec::new()).await.unwrap();
    io.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await.unwrap();
    drop(io);
    within(stop).await;
}

#[tokio::test]
async fn bytes_that_are_never_read_do_not_hold_the_signal_for_ever() {
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = SHORT;
        o.first_byte_grace = SHORT;
    }));
    let (mut client, _io) = answered(&duck).await;
    client.write_all(REQUEST).await.unwrap();
    duck.phase.publish(Phase::Draining);
    within(duck.connections.shutdown_signal()).await;
}

#[tokio::test]
async fn nothing_holds_the_signal_once_cancelling() {
    let duck = Duck::new(sockets(|o| o.idle_grace = LONG));
    let (_client, _io) = answered(&duck).await;
    let stop = spawn(duck.connections.shutdown_signal());
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;
    assert!(!stop.is_finished());
    duck.phase.publish(Phase::Cancelling);
    within(stop).await.unwrap();
}

#[tokio::test]
async fn the_idle_grace_of_a_client_begins_anew_with_what_it_is_sent() {
    let hold = Duration::from_millis(400);
    let duck = Duck::new(sockets(|o| o.idle_grace = hold));
    let end = Arc::new(Notify::new());
    let ends = Arc::clone(&end);
    let app = Router::new().route(
        "/",
        get(async move || {
            let rest = async move {
                ends.notified().await;
                "end"
            };
            let pieces = futures_util::stream::once(async { "begin" });
            let pieces = pieces.chain(futures_util::stream::once(rest));
            axum::body::Body::from_stream(pieces.map(Ok::<_, io::Error>))
        }),
    );
    let (addr, _server) = duck.serve(app).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"begin\r\n") {
        assert!(within(client.read_buf(&mut answer)).await.unwrap() > 0);
    }
    let signal = duck.connections.shutdown_signal();
    duck.phase.publish(Phase::Draining);
    tokio::time::sleep(hold / 2).await;
    let ended = Instant::now();
    end.notify_one();
    within(signal).await;
    assert!(ended.elapsed() >= hold, "{:?}", ended.elapsed());
}
