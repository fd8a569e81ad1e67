//! Listeners that are not simply closed.

use lameduck_drain::DrainLayer;
use lameduck_server::ListenerEnd;
use socket2::SockRef;
use tokio::{net::TcpListener, time::sleep};

use super::*;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(60);

fn ends(end: ListenerEnd) -> SocketOptions {
    sockets(|o| {
        o.listener_end = end;
        o.idle_grace = 3 * SHORT;
        o.first_byte_grace = 3 * SHORT;
    })
}

/// An app that rejects new requests while draining.
fn draining(duck: &Duck) -> Router {
    Router::new().route("/", get(|| async { "hello" })).layer(DrainLayer::new(duck.watch()))
}

async fn ask(addr: SocketAddr) -> String {
    exchange(&mut TcpStream::connect(addr).await.unwrap()).await
}

/// A client that comes while the server drains is answered, until the earlier clients are gone.
async fn check_kept(duck: &Duck, addr: SocketAddr, server: impl Future) {
    let mut old = TcpStream::connect(addr).await.unwrap();
    exchange(&mut old).await;
    duck.phase.publish(Phase::Draining);
    for _ in 0..4 {
        sleep(SHORT / 4).await;
        let answer = ask(addr).await;
        assert!(answer.contains("503 ") && answer.contains("retry-after: "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    let closed = duck.connections.listeners_closed();
    let mut closed = std::pin::pin!(closed);
    assert!(timeout(SHORT / 4, closed.as_mut()).await.is_err(), "it is open");
    // It was idle for its grace, or it is gone.
    drop(old);
    let closed = within(closed).await;
    assert!(closed.queue_drained && closed.left_open == 0, "{closed}");
    assert_eq!(closed.unaccepted, Some(0));
    assert_refused(addr).await;
    within(server).await;
    assert_eq!(duck.connections.count(), 0);
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    super::within(future).await
}

#[tokio::test]
async fn a_listener_that_is_kept_open_rejects_until_the_other_clients_are_gone() {
    let duck = Duck::new(ends(ListenerEnd::KeepOpen));
    let (addr, server) = duck.serve(draining(&duck)).await;
    check_kept(&duck, addr, server).await;
}

#[tokio::test]
async fn an_idle_client_holds_a_listener_open_for_its_grace_and_no_longer() {
    let duck = Duck::new(ends(ListenerEnd::KeepOpen));
    let (addr, server) = duck.serve(draining(&duck)).await;
    let mut silent = TcpStream::connect(addr).await.unwrap();
    exchange(&mut silent).await;
    duck.phase.publish(Phase::Draining);
    assert!(ask(addr).await.contains("503 "));
    let closed = within(duck.connections.listeners_closed()).await;
    assert!(closed.elapsed >= 3 * SHORT && closed.queue_drained, "{closed}");
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_listener_that_is_left_queues_for_the_other_process_that_has_it() {
    let duck = Duck::new(ends(ListenerEnd::Leave));
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = tcp.local_addr().unwrap();
    // As a supervisor or a successor has it.
    let other = SockRef::from(&tcp).try_clone().unwrap();
    let listener = Listener::new(tcp, &duck.connections);
    let signal = duck.connections.shutdown_signal();
    let server = axum::serve(listener, hello(duck.watch())).with_graceful_shutdown(signal);
    let server = spawn(server.into_future());
    let mut old = TcpStream::connect(addr).await.unwrap();
    exchange(&mut old).await;
    duck.phase.publish(Phase::Draining);
    let closed = within(duck.connections.listeners_closed()).await;
    assert_eq!(
        (closed.listeners, closed.left_open, closed.queue_drained),
        (1, 1, true),
        "{closed}"
    );
    assert_eq!(closed.to_string(), format!("1 left open after {:?}", closed.elapsed));
    // They wait for the next server, because the one before has accepted none of them.
    let waiting: Vec<_> = (0..20).map(|_| connect_and_send(addr, REQUEST)).collect();
    assert!(exchange(&mut old).await.contains("connection: close"));
    within(server).await.unwrap().unwrap();
    assert_eq!(duck.connections.totals().accepted, 1);

    let next = Duck::new(SocketOptions::new());
    let tcp = TcpListener::from_std(other.into()).unwrap();
    let listener = Listener::new(tcp, &next.connections);
    let _server = spawn(axum::serve(listener, hello(next.watch())).into_future());
    for client in waiting {
        assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("200 OK"));
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn two_servers_may_share_a_port_and_the_stop_of_one_loses_nothing() {
    let options = sockets(|o| o.reuse_port = true);
    let (first, second) = (Duck::new(options.clone()), Duck::new(options));
    let (addr, one) = first.serve(hello(first.watch())).await;
    let (_, _two) = second.serve_listener(&addr.to_string(), hello(second.watch())).await;
    let clients: Vec<_> = (0..200).map(|_| connect_and_send(addr, REQUEST)).collect();
    first.phase.publish(Phase::Draining);
    for client in clients {
        assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("200 OK"));
    }
    within(one).await.unwrap().unwrap();
    let (one, two) = (first.connections.totals().accepted, second.connections.totals().accepted);
    assert!(one > 0 && two > 0 && one + two == 200, "{one} and {two}");
    assert!(ask(addr).await.contains("200 OK"));

    let alone = Duck::new(SocketOptions::new());
    let error = Listener::bind(addr, &alone.connections).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

/// With the privilege the filter is used, without it `IP_MINTTL`: clients see no difference.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn with_a_syn_filter_or_where_it_is_refused_the_queue_is_answered() {
    let duck = Duck::new(sockets(|o| o.syn_filter = true));
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    let clients: Vec<_> = (0..200).map(|_| connect_and_send(addr, REQUEST)).collect();
    duck.phase.publish(Phase::Draining);
    for client in clients {
        assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("200 OK"));
    }
    within(server).await.unwrap().unwrap();
    let closed = within(duck.connections.listeners_closed()).await;
    assert!(closed.syns_stopped && closed.settled && closed.queue_drained, "{closed}");
    assert_eq!(closed.unaccepted, Some(0));
    assert_refused(addr).await;
}

/// The own server closes each connection itself.
#[cfg(feature = "serve")]
mod own {
    use super::*;

    #[tokio::test]
    async fn an_own_server_rejects_until_the_other_clients_are_gone() {
        let duck = Duck::new(ends(ListenerEnd::KeepOpen));
        let (addr, server) = duck.run(draining(&duck)).await;
        check_kept(&duck, addr, server).await;
    }

    #[tokio::test]
    async fn an_own_server_without_other_clients_closes_at_once() {
        let duck = Duck::new(ends(ListenerEnd::KeepOpen));
        let (addr, server) = duck.run(draining(&duck)).await;
        duck.phase.publish(Phase::Draining);
        within(server).await.unwrap();
        assert_refused(addr).await;
    }

    #[tokio::test]
    async fn an_own_server_ends_beside_a_listener_that_it_left() {
        let duck = Duck::new(ends(ListenerEnd::Leave));
        let (addr, server) = duck.run(hello(duck.watch())).await;
        let mut old = TcpStream::connect(addr).await.unwrap();
        exchange(&mut old).await;
        duck.phase.publish(Phase::Draining);
        assert!(exchange(&mut old).await.contains("connection: close"));
        within(server).await.unwrap();
        assert_eq!(within(duck.connections.listeners_closed()).await.left_open, 1);
    }

    #[tokio::test]
    async fn the_end_of_the_drain_closes_a_listener_that_was_kept_open() {
        let mut options = ends(ListenerEnd::KeepOpen);
        options.idle_grace = LONG;
        let duck = Duck::new(options);
        let (addr, server) = duck.run(draining(&duck)).await;
        let mut old = TcpStream::connect(addr).await.unwrap();
        exchange(&mut old).await;
        duck.phase.publish(Phase::Draining);
        assert!(ask(addr).await.contains("503 "));
        // In the queue when cancelling begins: still answered.
        let queued: Vec<_> = (0..20).map(|_| connect_and_send(addr, REQUEST)).collect();
        duck.phase.publish(Phase::Cancelling);
        for client in queued {
            assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("503 "));
        }
        let closed = within(duck.connections.listeners_closed()).await;
        assert!(closed.queue_drained, "{closed}");
        within(server).await.unwrap();
    }
}
