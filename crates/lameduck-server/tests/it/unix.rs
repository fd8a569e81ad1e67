//! Unix sockets.

use std::os::unix::net::UnixStream as StdUnixStream;

use tokio::net::{UnixListener, UnixStream};

use super::*;

#[tokio::test]
async fn the_queue_of_a_unix_listener_is_answered_and_later_clients_are_refused() {
    let path = std::env::temp_dir().join(format!("lameduck-server-{}.sock", std::process::id()));
    _ = std::fs::remove_file(&path);
    let duck = Duck::new(SocketOptions::new());
    let listener = Listener::new(UnixListener::bind(&path).unwrap(), &duck.connections);
    let signal = duck.connections.shutdown_signal();
    let server = axum::serve(listener, hello(duck.watch())).with_graceful_shutdown(signal);
    let server = spawn(server.into_future());

    let clients: Vec<_> = (0..20)
        .map(|_| {
            let mut client = StdUnixStream::connect(&path).unwrap();
            client.write_all(REQUEST).unwrap();
            client
        })
        .collect();
    duck.phase.publish(Phase::Draining);
    for client in clients {
        client.set_nonblocking(true).unwrap();
        let mut client = UnixStream::from_std(client).unwrap();
        let mut answer = Vec::new();
        within(client.read_to_end(&mut answer)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
    }
    within(server).await.unwrap().unwrap();
    let closed = within(duck.connections.listeners_closed()).await;
    assert_eq!(closed.from_queue, 20);
    if cfg!(target_os = "linux") {
        assert!(closed.syns_stopped && closed.settled, "{closed}");
    }
    let refused = UnixStream::connect(&path).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    std::fs::remove_file(&path).unwrap();
}
