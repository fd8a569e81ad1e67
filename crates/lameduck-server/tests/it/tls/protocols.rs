//! The protocol inside: agreed on by ALPN, or known by the first bytes.

use std::process::{Command, Output};

use lameduck_server::Protocol;
use tokio::task::spawn_blocking;

use super::*;

#[tokio::test]
async fn a_client_that_agreed_on_http_2_gets_its_goaway_at_lame_duck() {
    let server = Secure::run(SocketOptions::new(), plain).await;
    let client = server.connect(&["h2", "http/1.1"]).await;
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (mut send, connection) = within(h2::client::handshake(client)).await.unwrap();
    let connection = spawn(connection);
    let request = http::Request::get("https://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    assert_eq!(within(response).await.unwrap().status(), 200);
    assert_eq!(server.duck.connections.list()[0].protocol, Protocol::Http2);
    server.duck.phase.publish(Phase::LameDuck);
    // It was idle: only a GOAWAY can have notified it. Its end is clean, close_notify included.
    within(connection).await.unwrap().unwrap();
    within(server.duck.connections.all_closed()).await;
    server.stop().await;
}

#[tokio::test]
async fn the_protocol_of_a_client_that_agreed_on_none_is_known_by_its_first_bytes() {
    let server = Secure::run(SocketOptions::new(), plain).await;
    let mut client = server.connect(&[]).await;
    assert!(exchange(&mut client).await.ends_with("hello"));
    let (mut send, connection) =
        within(h2::client::handshake(server.connect(&[]).await)).await.unwrap();
    let connection = spawn(connection);
    let request = http::Request::get("https://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    assert_eq!(within(response).await.unwrap().status(), 200);
    drop((client, send));
    within(connection).await.unwrap().unwrap();
    server.stop().await;
}

#[tokio::test]
async fn without_http_2_nobody_agrees_on_it() {
    let server = Secure::start(SocketOptions::new(), Tls::without_http2, plain, false).await;
    let client = server.connect(&["h2", "http/1.1"]).await;
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_handler_of_a_stock_server_behind_tls_sees_the_clients_address() {
    use axum::extract::ConnectInfo;

    let (duck, pems) = (Duck::new(SocketOptions::new()), Pems::new());
    let trusted = pems.renew();
    let tls = Tls::from_pem_files(pems.chain(), pems.key()).unwrap();
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap().with_tls(&tls);
    let addr = listener.local_addr().unwrap();
    let peer = get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string());
    let app = Router::new().route("/", peer).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener.into_axum(), app)
        .with_graceful_shutdown(duck.connections.shutdown_signal());
    let server = spawn(server.into_future());
    let mut client = within(connect(addr, &[&trusted], &["http/1.1"])).await.unwrap();
    let expected = client.get_ref().0.local_addr().unwrap().to_string();
    assert!(exchange(&mut client).await.ends_with(&expected));
    client.shutdown().await.unwrap();
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap().unwrap();
}

#[cfg(feature = "tonic")]
#[tokio::test]
async fn a_tonic_server_is_encrypted_and_its_handlers_find_their_peer() {
    use axum::Extension;
    use tonic::transport::{Server, server::TcpConnectInfo};

    let (duck, pems) = (Duck::new(SocketOptions::new()), Pems::new());
    let trusted = pems.renew();
    let tls = Tls::from_pem_files(pems.chain(), pems.key()).unwrap();
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap().with_tls(&tls);
    let addr = listener.local_addr().unwrap();
    let peer = get(async |Extension(info): Extension<TcpConnectInfo>| {
        info.remote_addr().unwrap().to_string()
    });
    let routes = tonic::service::Routes::from(Router::new().route("/", peer));
    let stop = duck.connections.shutdown_signal();
    let router = Server::builder().add_routes(routes);
    let server = spawn(router.serve_with_incoming_shutdown(listener.into_incoming(), stop));

    let client = within(connect(addr, &[&trusted], &["h2"])).await.unwrap();
    let expected = client.get_ref().0.local_addr().unwrap().to_string();
    let (mut send, connection) = within(h2::client::handshake(client)).await.unwrap();
    let connection = spawn(connection);
    let request = http::Request::get("https://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    let mut body = within(response).await.unwrap().into_body();
    assert_eq!(within(body.data()).await.unwrap().unwrap(), expected);
    drop(body);
    duck.phase.publish(Phase::Draining);
    within(connection).await.unwrap().unwrap();
    within(server).await.unwrap().unwrap();
}

/// Runs a program, if it is installed.
async fn run(program: &'static str, args: Vec<String>) -> Option<Output> {
    let run = spawn_blocking(move || {
        Command::new(program).args(args).stdin(std::process::Stdio::null()).output()
    });
    match within(run).await.unwrap() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("{program}: {error}"),
    }
}

#[tokio::test]
async fn curl_speaks_both_protocols_with_it() {
    let server = Secure::run(SocketOptions::new(), plain).await;
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let url = format!("https://{}/", server.addr);
        let args = ["-sS", "-k", "-m", "10", flag, "-w", " %{http_version}", &url];
        let Some(output) = run("curl", args.map(String::from).to_vec()).await else { break };
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text, format!("hello {version}"), "{output:?}");
    }
    server.stop().await;
}

#[tokio::test]
async fn openssl_shakes_hands_with_it() {
    let server = Secure::run(SocketOptions::new(), plain).await;
    let addr = server.addr.to_string();
    let ca = server.pems.chain().display().to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        let args =
            ["s_client", "-connect", &addr, version, "-alpn", "h2", "-CAfile", &ca, "-brief"];
        let Some(output) = run("openssl", args.map(String::from).to_vec()).await else { break };
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("CONNECTION ESTABLISHED"), "{text}");
        assert!(text.contains("Verification: OK"), "{text}");
    }
    server.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_can_be_encrypted_too() {
    let (duck, pems) = (Duck::new(SocketOptions::new()), Pems::new());
    let trusted = pems.renew();
    let tls = Tls::from_pem_files(pems.chain(), pems.key()).unwrap();
    let path = pems.folder.join("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let listener = Listener::new(listener, &duck.connections).with_tls(&tls);
    let server = spawn(serve(listener, hello(duck.watch())).into_future());
    let client = tokio::net::UnixStream::connect(&path).await.unwrap();
    let name = ServerName::try_from("duck").unwrap();
    let mut client =
        within(connector(&[&trusted], &["http/1.1"]).connect(name, client)).await.unwrap();
    assert!(exchange(&mut client).await.ends_with("hello"));
    duck.phase.publish(Phase::Draining);
    assert!(exchange(&mut client).await.contains("connection: close"));
    assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
    within(server).await.unwrap();
}
