//! Options of sockets, addresses, and what a handler sees of them.

use axum::extract::ConnectInfo;
use socket2::SockRef;
use tokio::net::TcpListener;

use super::*;

#[tokio::test]
async fn a_handler_sees_its_peers_address() {
    let duck = Duck::new(SocketOptions::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
    );
    let server = axum::serve(
        Listener::new(listener, &duck.connections).into_axum(),
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(duck.connections.shutdown_signal());
    let server = spawn(server.into_future());

    let mut client = TcpStream::connect(addr).await.unwrap();
    let answer = exchange(&mut client).await;
    assert!(answer.ends_with(&client.local_addr().unwrap().to_string()), "{answer}");
    drop(client);
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap().unwrap();
}

#[cfg(target_os = "linux")]
#[track_caller]
fn check(io: &TcpStream, nodelay: bool, keepalive: Option<u64>, user_timeout: Option<u64>) {
    let socket = SockRef::from(io);
    assert_eq!(socket.tcp_nodelay().unwrap(), nodelay);
    assert_eq!(socket.keepalive().unwrap(), keepalive.is_some());
    if let Some(seconds) = keepalive {
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(seconds));
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), Duration::from_secs(seconds / 4));
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
    }
    // In whole seconds, which the greatest value is not.
    let found = socket.tcp_user_timeout().unwrap().map(|timeout| timeout.as_secs());
    assert_eq!(found, user_timeout);
    assert_eq!(socket.linger().unwrap(), None);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_connection_has_the_options_it_should_have() {
    let default = SocketOptions::new();
    let bare = sockets(|o| {
        o.nodelay = false;
        o.tcp_keepalive = None;
        o.tcp_user_timeout = None;
    });
    let own = sockets(|o| {
        o.tcp_keepalive = Some(Duration::from_secs(20));
        o.tcp_user_timeout = Some(Duration::from_secs(7));
    });
    // More than the kernel takes, for both: the nearest value that it takes is set.
    let day = Duration::from_secs(24 * 60 * 60);
    let most = sockets(|o| {
        o.tcp_keepalive = Some(day);
        o.tcp_user_timeout = Some(Duration::MAX);
    });
    for (options, nodelay, keepalive, user_timeout) in [
        (most, true, Some(32_767), Some(2_147_483)),
        (default, true, Some(60), Some(60)),
        (bare, false, None, None),
        (own, true, Some(20), Some(7)),
    ] {
        let is_valid = options.check().is_ok();
        let duck = Duck::new(options);
        let bound = Listener::bind("127.0.0.1:0", &duck.connections).await;
        if is_valid {
            let mut bound = bound.unwrap();
            let _client = TcpStream::connect(bound.local_addr().unwrap()).await.unwrap();
            check(bound.accept().await.0.get_ref(), nodelay, keepalive, user_timeout);
        } else {
            assert_eq!(bound.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }

        let wrapped = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut wrapped = Listener::new(wrapped, &duck.connections);
        let _client = TcpStream::connect(wrapped.local_addr().unwrap()).await.unwrap();
        let (io, peer) = wrapped.accept().await;
        check(io.get_ref(), nodelay, keepalive, user_timeout);
        assert_eq!(peer, _client.local_addr().unwrap());
    }
}

#[tokio::test]
async fn an_option_that_the_kernel_does_not_take_is_named_at_the_bind() {
    let duck = Duck::new(sockets(|o| o.backlog = 0));
    let error = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("`backlog` cannot be 0"), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_fix() {
    let duck = Duck::new(SocketOptions::new());
    let taken = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = taken.local_addr().unwrap();
    let error = Listener::bind(addr, &duck.connections).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(text.contains(&addr.to_string()) && text.contains("choose another port"), "{text}");
}

#[tokio::test]
async fn a_port_that_was_closed_a_moment_ago_can_be_bound_again() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.serve(hello(duck.watch())).await;
    // The server closes first, so its port stays in TIME_WAIT.
    let mut client = TcpStream::connect(addr).await.unwrap();
    duck.phase.publish(Phase::Draining);
    assert!(exchange(&mut client).await.contains("connection: close"));
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
    within(server).await.unwrap().unwrap();
    drop(Listener::bind(addr, &Duck::new(SocketOptions::new()).connections).await.unwrap());
}

#[tokio::test]
async fn a_vectored_write_stays_one() {
    // Up to 1 KiB is copied into one piece.
    for (head, body) in [(4, 3), (0, 9), (24, 1000), (24, 1001), (1025, 0), (2000, 3000)] {
        let duck = Duck::new(SocketOptions::new());
        let mut listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut io = listener.accept().await.0;
        assert!(AsyncWrite::is_write_vectored(&io));
        let (head, body) = (vec![b'h'; head], vec![b'b'; body]);
        let pieces = [io::IoSlice::new(&head), io::IoSlice::new(&body)];
        let all = [&*head, &*body].concat();
        assert_eq!(io.write_vectored(&pieces).await.unwrap(), all.len());
        assert_eq!(duck.connections.totals().bytes_out, all.len() as u64);
        drop(io);
        assert_eq!(read_to_end(&mut client).await.unwrap(), all);
    }
}
