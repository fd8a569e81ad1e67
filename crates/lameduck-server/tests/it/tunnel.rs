//! Raw upgrades and `CONNECT`: the connections are counted, notified and ended.

use axum::{body::Body, http::StatusCode, response::IntoResponse as _};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use lameduck_inflight::InFlight;
use lameduck_server::ConnectionStage;

use super::*;

const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nhost: duck\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
const CONNECT: &[u8] = b"CONNECT duck:1 HTTP/1.1\r\nhost: duck:1\r\n\r\n";

/// Sends back what comes, and `tick` at intervals, until the server drains; then sends `bye`.
async fn echo(upgrade: OnUpgrade, watch: PhaseWatch, in_flight: InFlight) {
    // No layer sees it: the answer that began it has ended.
    let _guard = in_flight.enter_named("tunnel");
    let mut io = TokioIo::new(upgrade.await.unwrap());
    let mut draining = std::pin::pin!(watch.reached(Phase::Draining));
    let mut buf = [0; 64];
    loop {
        tokio::select! {
            biased;
            read = io.read(&mut buf) => match read {
                Ok(0) | Err(_) => return,
                Ok(len) => io.write_all(&buf[..len]).await.unwrap(),
            },
            () = &mut draining => break,
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                io.write_all(b"tick").await.unwrap();
            }
        }
    }
    // Longer than any grace of this test, and never idle.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        io.write_all(b"tick").await.unwrap();
    }
    io.write_all(b"bye").await.unwrap();
    io.shutdown().await.unwrap();
}

fn tunnel(watch: PhaseWatch, in_flight: InFlight) -> Router {
    Router::new().fallback(async move |mut request: Request| {
        let upgrade = hyper::upgrade::on(&mut request);
        let is_connect = request.method() == http::Method::CONNECT;
        spawn(echo(upgrade, watch, in_flight));
        if is_connect {
            return StatusCode::OK.into_response();
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(http::header::UPGRADE, HeaderValue::from_static("echo"));
        response
    })
}

async fn begin(addr: SocketAddr, request: &[u8]) -> TcpStream {
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(request).await.unwrap();
    read_until(&mut client, b"\r\n\r\n").await;
    client.write_all(b"quack").await.unwrap();
    read_until(&mut client, b"quack").await;
    client
}

async fn read_until(client: &mut TcpStream, end: &[u8]) {
    let mut bytes = Vec::new();
    while !bytes.windows(end.len()).any(|window| window == end) {
        assert!(within(client.read_buf(&mut bytes)).await.unwrap() > 0);
    }
}

/// The end of a tunnel and of its server, which has this signal and ends with it.
async fn check(duck: &Duck, mut client: TcpStream, in_flight: &InFlight) {
    assert_eq!(duck.connections.count(), 1);
    assert_eq!(duck.connections.list()[0].stage, ConnectionStage::Upgraded);
    assert_eq!(in_flight.count(), 1);
    let signal = duck.connections.shutdown_signal();
    duck.phase.publish(Phase::Draining);
    within(signal).await;
    assert_eq!(duck.connections.count(), 1, "it holds the count, and not the signal");
    let rest = read_to_end(&mut client).await.unwrap();
    assert!(rest.ends_with(b"bye"), "{rest:?}");
    within(duck.connections.all_closed()).await;
    within(in_flight.idle()).await;
}

fn patient() -> Duck {
    // Longer than the tunnel lasts after the start of draining.
    let long = Duration::from_millis(100);
    Duck::new(sockets(|o| {
        o.idle_grace = long;
        o.first_byte_grace = long;
    }))
}

#[tokio::test]
async fn tunnels_of_a_stock_server_are_counted_and_do_not_hold_the_signal() {
    for request in [UPGRADE, CONNECT] {
        let (duck, in_flight) = (patient(), InFlight::new());
        let (addr, server) = duck.serve(tunnel(duck.watch(), in_flight.clone())).await;
        let client = begin(addr, request).await;
        check(&duck, client, &in_flight).await;
        within(server).await.unwrap().unwrap();
    }
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn tunnels_of_an_own_server_are_counted_and_it_ends_with_the_last() {
    for request in [UPGRADE, CONNECT] {
        let (duck, in_flight) = (patient(), InFlight::new());
        let (addr, server) = duck.run(tunnel(duck.watch(), in_flight.clone())).await;
        let client = begin(addr, request).await;
        check(&duck, client, &in_flight).await;
        within(server).await.unwrap();
    }
}

/// A tunnel whose head comes in pieces. The server has read each before the next is sent.
async fn check_pieces(duck: &Duck, addr: SocketAddr, is_kept: bool, pieces: &[&[u8]]) {
    let mut client = TcpStream::connect(addr).await.unwrap();
    if is_kept {
        client.write_all(b"GET /hello HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
        read_answer(&mut client).await.unwrap();
    }
    let mut sent = duck.connections.totals().bytes_in;
    for piece in pieces {
        client.write_all(piece).await.unwrap();
        sent += piece.len() as u64;
        let read = async {
            while duck.connections.totals().bytes_in < sent {
                tokio::task::yield_now().await;
            }
        };
        within(read).await;
    }
    read_until(&mut client, b"\r\n\r\n").await;
    assert_eq!(duck.connections.list()[0].stage, ConnectionStage::Upgraded, "{is_kept} {pieces:?}");
    drop(client);
    within(duck.connections.all_closed()).await;
}

async fn check_all_pieces(duck: &Duck, addr: SocketAddr) {
    for is_kept in [false, true] {
        for cut in [1, 7, 8, 9, CONNECT.len() - 1] {
            let (begin, end) = CONNECT.split_at(cut);
            check_pieces(duck, addr, is_kept, &[begin, end]).await;
        }
        let bytes: Vec<_> = CONNECT.chunks(1).collect();
        check_pieces(duck, addr, is_kept, &bytes).await;
    }
}

fn tunnel_and_hello(duck: &Duck) -> Router {
    tunnel(duck.watch(), InFlight::new()).route("/hello", get(async || "hello"))
}

#[tokio::test]
async fn a_connect_is_a_tunnel_however_its_head_is_split() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.serve(tunnel_and_hello(&duck)).await;
    check_all_pieces(&duck, addr).await;
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn a_connect_to_an_own_server_is_a_tunnel_however_its_head_is_split() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = duck.run(tunnel_and_hello(&duck)).await;
    check_all_pieces(&duck, addr).await;
}

#[tokio::test]
async fn a_connect_that_was_rejected_leaves_an_ordinary_connection() {
    let duck = Duck::new(SocketOptions::new());
    let app = Router::new().fallback(async || (StatusCode::FORBIDDEN, "no"));
    let (addr, _server) = duck.serve(app).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(CONNECT).await.unwrap();
    assert!(read_answer(&mut client).await.unwrap().ends_with("no"));
    assert_eq!(duck.connections.list()[0].stage, ConnectionStage::Answered);
}

/// A tunnel that closes its own direction when something has come, and only then reads it.
#[cfg(feature = "serve")]
fn half_closing(read: tokio::sync::mpsc::Sender<Vec<u8>>) -> Router {
    Router::new().fallback(async move |mut request: Request| {
        let upgrade = hyper::upgrade::on(&mut request);
        spawn(async move {
            let mut io = TokioIo::new(upgrade.await.unwrap());
            // Reads nothing, and is ready when there is something to read.
            assert_eq!(io.read(&mut []).await.unwrap(), 0);
            io.shutdown().await.unwrap();
            let mut bytes = Vec::new();
            io.read_to_end(&mut bytes).await.unwrap();
            read.send(bytes).await.unwrap();
        });
        StatusCode::OK
    })
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn what_a_client_sends_into_a_tunnel_that_is_half_closed_arrives() {
    let duck = patient();
    let (send, mut read) = tokio::sync::mpsc::channel(1);
    let (addr, _server) = duck.run(half_closing(send)).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(CONNECT).await.unwrap();
    read_until(&mut client, b"\r\n\r\n").await;
    client.write_all(b"quack").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(within(read.recv()).await.unwrap(), b"quack");
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn a_connection_that_is_old_still_becomes_a_tunnel() {
    for request in [UPGRADE, CONNECT] {
        let (duck, in_flight) = (patient(), InFlight::new());
        let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = tunnel(duck.watch(), in_flight.clone());
        let old = serve::http(|o| o.max_connection_age = Some(Duration::ZERO));
        let server =
            spawn(lameduck_server::serve(listener, app).with_options(old).unwrap().into_future());
        let mut client = TcpStream::connect(addr).await.unwrap();
        client.write_all(request).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(within(client.read_buf(&mut head)).await.unwrap() > 0);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(!head.contains("close"), "{head}");
        client.write_all(b"quack").await.unwrap();
        read_until(&mut client, b"quack").await;
        check(&duck, client, &in_flight).await;
        within(server).await.unwrap();
    }
}

#[cfg(feature = "serve")]
#[tokio::test]
async fn a_tunnel_that_is_asked_for_along_with_another_request_is_one_to_an_own_server() {
    for request in [UPGRADE, CONNECT] {
        for before in [&b"GET /hello HTTP/1.1\r\nhost: duck\r\n\r\n"[..], b"\r\n"] {
            let (duck, in_flight) = (patient(), InFlight::new());
            let app = tunnel(duck.watch(), in_flight.clone());
            let (addr, server) = duck.run(app.route("/hello", get(async || "hello"))).await;
            let client = begin(addr, &[before, request].concat()).await;
            check(&duck, client, &in_flight).await;
            within(server).await.unwrap();
        }
    }
}
