//! What counts as an open connection, and when it ends.

use std::{pin::pin, sync::Arc};

use futures_util::FutureExt as _;
use lameduck_server::{ConnectionStage, Protocol};
use tokio::{sync::Notify, time::Instant};

use super::*;

#[tokio::test]
async fn all_closed_completes_exactly_when_the_last_socket_is_closed() {
    let duck = Duck::new(SocketOptions::new());
    let mut listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    duck.connections.all_closed().now_or_never().expect("no connection is open");

    let mut clients = Vec::new();
    let mut accepted = Vec::new();
    for _ in 0..3 {
        clients.push(TcpStream::connect(addr).await.unwrap());
        accepted.push(listener.accept().await.0);
    }
    let waiter = spawn({
        let connections = duck.connections.clone();
        async move { connections.all_closed().await }
    });
    let mut idle = pin!(duck.connections.all_closed());
    for left in (0..3).rev() {
        assert!(idle.as_mut().now_or_never().is_none(), "{left} are still open");
        accepted.pop();
        assert_eq!(duck.connections.count(), left);
    }
    idle.now_or_never().expect("the last one is closed");
    within(waiter).await.unwrap();
}

#[tokio::test]
async fn a_dropped_wait_for_the_last_close_takes_nothing_from_another() {
    let duck = Duck::new(SocketOptions::new());
    let mut listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let accepted = listener.accept().await.0;
    let mut stays = Box::pin(duck.connections.all_closed());
    let mut leaves = Box::pin(duck.connections.all_closed());
    assert!(stays.as_mut().now_or_never().is_none());
    assert!(leaves.as_mut().now_or_never().is_none());
    drop(leaves);
    drop(accepted);
    stays.now_or_never().expect("the last one is closed");
}

#[tokio::test]
async fn the_list_begins_with_the_oldest() {
    let duck = Duck::new(SocketOptions::new());
    let mut listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (mut clients, mut accepted) = (Vec::new(), Vec::new());
    for nth in 0..5 {
        if nth == 3 {
            // What comes next may take its place.
            clients.remove(0);
            drop(accepted.remove(0));
        }
        let client = TcpStream::connect(addr).await.unwrap();
        clients.push(client.local_addr().unwrap());
        accepted.push((listener.accept().await.0, client));
    }
    let listed: Vec<_> = duck.connections.list().into_iter().filter_map(|one| one.peer).collect();
    assert_eq!(listed, clients);
}

#[tokio::test]
async fn a_response_that_no_client_has_read_yet_counts_until_it_is_flushed() {
    const LEN: usize = 16 << 20;
    let duck = Duck::new(SocketOptions::new());
    let entered = Arc::new(Notify::new());
    let app = Router::new().route(
        "/",
        get({
            let entered = Arc::clone(&entered);
            || async move {
                entered.notify_one();
                vec![b'x'; LEN]
            }
        }),
    );
    let (addr, server) = duck.serve(app).await;
    let mut client = into_tokio(connect_and_send(addr, REQUEST));
    within(entered.notified()).await;
    duck.phase.publish(Phase::Draining);
    within(duck.connections.listeners_closed()).await;

    // The handler and its body are done, but the client has not read a byte.
    assert_eq!(duck.connections.count(), 1);
    assert!(duck.connections.totals().bytes_out < LEN as u64);
    let mut idle = pin!(duck.connections.all_closed());
    assert!(idle.as_mut().now_or_never().is_none());

    let bytes = within(async {
        let mut bytes = vec![0; 1 << 20];
        let mut read = 0;
        while read < LEN {
            read += client.read(&mut bytes).await.unwrap();
        }
        read
    })
    .await;
    assert!(bytes > LEN, "the head and all of the body, not {bytes} bytes");
    drop(client);
    within(idle).await;
    within(server).await.unwrap().unwrap();
    assert!(duck.connections.totals().bytes_out > LEN as u64);
}

#[tokio::test]
async fn the_list_says_how_far_each_connection_is() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(hello(duck.watch())).await;
    let reached = async |protocol, stage| {
        // Bytes are on their way to the server's task, and no event announces their arrival.
        let until = Instant::now() + BOUND;
        loop {
            let list = duck.connections.list();
            if list.len() == 1 && (list[0].protocol, list[0].stage) == (protocol, stage) {
                return;
            }
            assert!(Instant::now() < until, "{list:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };

    let mut client = TcpStream::connect(addr).await.unwrap();
    reached(Protocol::Unknown, ConnectionStage::NoBytes).await;
    client.write_all(&REQUEST[..10]).await.unwrap();
    reached(Protocol::Http1, ConnectionStage::Head).await;
    client.write_all(&REQUEST[10..]).await.unwrap();
    read_answer(&mut client).await.unwrap();
    reached(Protocol::Http1, ConnectionStage::Answered).await;

    let info = &duck.connections.list()[0];
    assert_eq!(info.peer, Some(client.local_addr().unwrap()));
    assert_eq!(info.bytes_in, REQUEST.len() as u64);
    let line = info.to_string();
    assert!(line.contains("http/1 answered") && !line.contains('\n'), "{line}");
}
