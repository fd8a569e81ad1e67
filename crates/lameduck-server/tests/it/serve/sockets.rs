//! Unix sockets and both families of IP, on an own server.

use super::*;

#[tokio::test]
async fn a_dual_stack_listener_serves_and_stops_both_families() {
    let duck = Duck::new(SocketOptions::new());
    let listener = Listener::bind("[::]:0", &duck.connections).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = spawn(serve(listener, hello(duck.watch())).into_future());
    let v4 = SocketAddr::from(([127, 0, 0, 1], port));
    let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
    // One that is accepted before, and one from the queue, for each address.
    for addr in [v4, v6] {
        assert!(exchange(&mut TcpStream::connect(addr).await.unwrap()).await.contains("hello"));
    }
    let clients = [v4, v6].map(|addr| connect_and_send(addr, REQUEST));
    duck.phase.publish(Phase::Draining);
    for client in clients {
        assert!(read_answer(&mut into_tokio(client)).await.unwrap().contains("hello"));
    }
    within(server).await.unwrap();
    let closed = within(duck.connections.listeners_closed()).await;
    assert_eq!(closed.from_queue, 2);
    if cfg!(target_os = "linux") {
        assert!(closed.syns_stopped && closed.settled && closed.queue_drained, "{closed}");
    }
    assert_refused(v4).await;
    assert_refused(v6).await;
}

#[cfg(unix)]
mod unix {
    use std::path::PathBuf;

    use axum::{http::StatusCode, routing::post};
    use tokio::net::{UnixListener, UnixStream};

    use super::*;

    /// A server on a Unix socket, whose file is removed with it.
    struct Local {
        duck: Duck,
        path: PathBuf,
        server: JoinHandle<()>,
    }

    impl Local {
        fn run(name: &str, options: SocketOptions, app: impl FnOnce(PhaseWatch) -> Router) -> Self {
            let name = format!("lameduck-serve-{}-{name}.sock", std::process::id());
            let path = std::env::temp_dir().join(name);
            _ = std::fs::remove_file(&path);
            let duck = Duck::new(options);
            let listener = Listener::new(UnixListener::bind(&path).unwrap(), &duck.connections);
            let server = spawn(serve(listener, app(duck.watch())).into_future());
            Self { duck, path, server }
        }

        async fn connect(&self) -> UnixStream {
            UnixStream::connect(&self.path).await.unwrap()
        }

        async fn end(self) {
            within(self.server).await.unwrap();
            let refused = UnixStream::connect(&self.path).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            std::fs::remove_file(&self.path).unwrap();
        }
    }

    #[tokio::test]
    async fn the_queue_of_a_unix_listener_is_answered_and_later_clients_are_refused() {
        let local = Local::run("queue", SocketOptions::new(), hello);
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = std::os::unix::net::UnixStream::connect(&local.path).unwrap();
            client.write_all(REQUEST).unwrap();
            clients.push(client);
        }
        local.duck.phase.publish(Phase::Draining);
        for client in clients {
            client.set_nonblocking(true).unwrap();
            let mut client = UnixStream::from_std(client).unwrap();
            let answer = read_to_end(&mut client).await.unwrap();
            assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
        }
        let closed = within(local.duck.connections.listeners_closed()).await;
        assert_eq!(closed.from_queue, 20);
        local.end().await;
    }

    #[tokio::test]
    async fn an_idle_client_of_a_unix_socket_is_kept_and_notified() {
        let options = sockets(|o| o.idle_grace = LONG);
        let local = Local::run("hold", options, hello);
        let mut client = local.connect().await;
        exchange(&mut client).await;
        local.duck.phase.publish(Phase::Draining);
        within(local.duck.connections.listeners_closed()).await;
        assert_eq!(local.duck.connections.count(), 1);
        assert!(exchange(&mut client).await.contains("connection: close"));
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        local.end().await;
    }

    #[tokio::test]
    async fn an_http_2_client_of_a_unix_socket_gets_its_goaway() {
        let local = Local::run("goaway", SocketOptions::new(), hello);
        let (mut send, connection) =
            within(h2::client::handshake(local.connect().await)).await.unwrap();
        let connection = spawn(connection);
        let request = http::Request::get("http://duck/").body(()).unwrap();
        let (response, _) = send.send_request(request, true).unwrap();
        assert_eq!(within(response).await.unwrap().status(), 200);
        local.duck.phase.publish(Phase::LameDuck);
        within(connection).await.unwrap().unwrap();
        local.duck.phase.publish(Phase::Draining);
        local.end().await;
    }

    #[tokio::test]
    async fn a_rejected_upload_over_a_unix_socket_reads_its_whole_answer() {
        const LEN: usize = 4 * 1024 * 1024;
        let refuse = async || (StatusCode::SERVICE_UNAVAILABLE, [(CONNECTION, "close")], "not now");
        let app = |_| Router::new().route("/", post(refuse));
        let local = Local::run("upload", SocketOptions::new(), app);
        let mut client = local.connect().await;
        let head = format!("POST / HTTP/1.1\r\nhost: duck\r\ncontent-length: {LEN}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        within(client.write_all(&vec![b'a'; LEN])).await.unwrap();
        assert!(read_to_end(&mut client).await.unwrap().ends_with(b"\r\n\r\nnot now"));
        local.duck.phase.publish(Phase::Draining);
        local.end().await;
    }

    #[tokio::test]
    async fn force_reaches_a_client_of_a_unix_socket() {
        let app = |_| Router::new().route("/", get(std::future::pending::<()>));
        let local = Local::run("force", SocketOptions::new(), app);
        let mut client = local.connect().await;
        client.write_all(REQUEST).await.unwrap();
        while local.duck.connections.totals().bytes_in == 0 {
            tokio::task::yield_now().await;
        }
        // A connection without an address has a name, too.
        assert!(local.duck.connections.list()[0].to_string().starts_with("unix "));
        local.duck.phase.publish(Phase::Forced);
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        local.end().await;
    }
}
