//! Clients that are in the accept queue when draining begins.

use futures_util::future::join_all;
use tokio::{net::TcpSocket, time::Instant};

use super::*;

const CLIENTS: usize = 200;

/// How many of the clients that are in the queue when `stop` is called are answered.
async fn answered(addr: SocketAddr, stop: impl FnOnce()) -> usize {
    // This never yields to the runtime: the server accepts none of them before the stop.
    let clients: Vec<_> = (0..CLIENTS).map(|_| connect_and_send(addr, REQUEST)).collect();
    stop();
    let answers = clients.into_iter().map(|client| async move {
        let answer = read_answer(&mut into_tokio(client)).await;
        usize::from(answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")))
    });
    join_all(answers).await.into_iter().sum()
}

#[tokio::test]
async fn every_connection_of_the_accept_queue_is_answered() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    assert_eq!(answered(addr, || _ = duck.phase.publish(Phase::Draining)).await, CLIENTS);

    within(server).await.unwrap().unwrap();
    let closed = within(duck.connections.listeners_closed()).await;
    assert_eq!(closed.from_queue, CLIENTS as u64);
    assert!(closed.queue_drained, "{closed}");
    let totals = duck.connections.totals();
    assert_eq!((totals.accepted, totals.closed), (CLIENTS as u64, CLIENTS as u64));
    assert_refused(addr).await;
}

/// The control: the test above can fail.
#[tokio::test]
async fn a_plain_listener_resets_its_accept_queue() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(1024).unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = Router::new().route("/", get(|| async { "hello" }));
    let server = axum::serve(listener, app).with_graceful_shutdown(async { _ = stopped.await });
    let server = spawn(server.into_future());
    // axum chooses at random between the next accept and the stop: all of them is 1 in 2^200.
    assert!(answered(addr, || drop(stop)).await < CLIENTS);
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idle_server_closes_as_soon_as_the_kernel_says_that_no_handshake_is_under_way() {
    // Long enough to be seen, if the server waited for either.
    let wait = Duration::from_secs(10);
    let duck = Duck::new(sockets(|o| o.accept_settle_time = wait));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    duck.drain_within(2 * wait);
    within(server).await.unwrap().unwrap();
    let closed = within(duck.connections.listeners_closed()).await;
    if cfg!(target_os = "linux") {
        assert!(closed.syns_stopped && closed.settled && closed.queue_drained, "{closed}");
    }
    assert!(closed.elapsed < wait, "{closed}");
    assert_refused(addr).await;
}

#[tokio::test]
async fn several_listeners_all_close_and_are_reported_together() {
    let duck = Duck::new(SocketOptions::new());
    let (first, one) = duck.serve(hello(duck.watch())).await;
    let (second, two) = duck.serve(hello(duck.watch())).await;
    let clients = [first, second].map(|addr| connect_and_send(addr, REQUEST));
    duck.phase.publish(Phase::Draining);
    let closed = within(duck.connections.listeners_closed()).await;
    assert_eq!((closed.listeners, closed.from_queue), (2, 2));
    for client in clients {
        assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("200 OK"));
    }
    within(one).await.unwrap().unwrap();
    within(two).await.unwrap().unwrap();
    assert_refused(first).await;
    assert_refused(second).await;
}

#[tokio::test]
async fn a_dual_stack_listener_serves_and_stops_both_families() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.serve_listener("[::]:0", hello(duck.watch())).await;
    let v4 = SocketAddr::from(([127, 0, 0, 1], addr.port()));
    let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], addr.port()));
    // One that is accepted before, and one from the queue, for each address.
    for addr in [v4, v6] {
        assert!(exchange(&mut TcpStream::connect(addr).await.unwrap()).await.contains("hello"));
    }
    let clients = [v4, v6].map(|addr| connect_and_send(addr, REQUEST));
    duck.phase.publish(Phase::Draining);
    for client in clients {
        assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("hello"));
    }
    within(server).await.unwrap().unwrap();
    assert_eq!(within(duck.connections.listeners_closed()).await.from_queue, 2);
    assert_refused(v4).await;
    assert_refused(v6).await;
}

#[tokio::test]
async fn cancelling_closes_the_listener_at_once() {
    let wait = Duration::from_secs(60);
    let duck = Duck::new(sockets(|o| {
        o.idle_grace = wait;
        o.first_byte_grace = wait;
    }));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let mut idle = TcpStream::connect(addr).await.unwrap();
    exchange(&mut idle).await;
    let began = Instant::now();
    duck.phase.publish(Phase::Cancelling);
    within(server).await.unwrap().unwrap();
    assert!(!within(duck.connections.listeners_closed()).await.queue_drained);
    assert!(read_to_end(&mut idle).await.unwrap().is_empty());
    assert!(began.elapsed() < wait);
}

#[tokio::test]
async fn a_listener_that_is_dropped_counts_as_closed() {
    let duck = Duck::new(SocketOptions::new());
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    duck.phase.publish(Phase::Draining);
    drop(listener);
    let closed = within(duck.connections.listeners_closed()).await;
    assert!(!closed.queue_drained && !closed.settled, "{closed}");
}

#[tokio::test]
async fn clients_wait_in_the_queue_until_the_start_is_over() {
    let (phase, watch) = phase_channel();
    let connections = Connections::new(watch, SocketOptions::new());
    let mut listener = Listener::bind("127.0.0.1:0", &connections).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let early = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(early.is_err(), "the server is still starting");
    phase.publish(Phase::Running);
    let (_io, peer) = within(listener.accept()).await;
    assert_eq!(peer, client.local_addr().unwrap());
}
