//! What limits a server, and what it survives.

use std::task::{Context, Poll};

use axum::{Extension, extract::ConnectInfo, http::StatusCode};
use lameduck_server::{HttpOptions, Serve, serve, serve_make_service};
use tokio::net::TcpListener;
use tower_layer::Layer as _;

use super::*;

async fn bind(duck: &Duck) -> (SocketAddr, Listener) {
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    (listener.local_addr().unwrap(), listener)
}

async fn run(duck: &Duck, options: HttpOptions) -> (SocketAddr, JoinHandle<()>) {
    let (addr, listener) = bind(duck).await;
    let server = serve(listener, hello(duck.watch())).with_options(options).unwrap();
    (addr, spawn(server.into_future()))
}

/// A server with one seat, its client, and one that waits.
async fn full(duck: &Duck) -> (JoinHandle<()>, TcpStream, TcpStream) {
    let (addr, server) = run(duck, http(|o| o.max_connections = Some(1))).await;
    let mut first = TcpStream::connect(addr).await.unwrap();
    exchange(&mut first).await;
    let mut second = TcpStream::connect(addr).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    exchange(&mut first).await;
    assert_eq!(duck.connections.totals().accepted, 1);
    (server, first, second)
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_one_that_closes() {
    let duck = Duck::new(SocketOptions::new());
    let (_server, first, mut second) = full(&duck).await;
    drop(first);
    assert!(read_answer(&mut second).await.unwrap().contains("200 OK"));
    assert_eq!(duck.connections.totals().accepted, 2);
}

#[tokio::test]
async fn the_limit_delays_neither_the_stop_nor_clients_in_the_queue() {
    let duck = Duck::new(SocketOptions::new());
    let (server, mut first, mut second) = full(&duck).await;
    duck.phase.publish(Phase::Draining);
    assert!(read_answer(&mut second).await.unwrap().contains("200 OK"));
    assert!(exchange(&mut first).await.contains("connection: close"));
    within(server).await.unwrap();
}

#[tokio::test]
async fn a_panic_costs_only_its_connection() {
    let duck = Duck::new(SocketOptions::new());
    let panic = async || -> () { panic!("a handler that panics") };
    let app = hello(duck.watch()).route("/panic", get(panic));
    let (addr, server) = duck.run(app).await;
    let mut other = TcpStream::connect(addr).await.unwrap();
    exchange(&mut other).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(b"GET /panic HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
    exchange(&mut other).await;
    exchange(&mut TcpStream::connect(addr).await.unwrap()).await;
    duck.phase.publish(Phase::Draining);
    exchange(&mut other).await;
    within(server).await.unwrap();
}

async fn check_timeout(bytes: &[u8]) {
    check_closed(bytes, http(|o| o.header_read_timeout = Some(SHORT))).await;
}

async fn check_closed(bytes: &[u8], options: HttpOptions) {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = run(&duck, options).await;
    let mut client = into_tokio(connect_and_send(addr, bytes));
    read_to_end(&mut client).await.unwrap();
    within(duck.connections.all_closed()).await;
}

#[tokio::test]
async fn a_client_without_a_byte_is_closed_after_the_timeout() {
    check_timeout(b"").await;
}

#[tokio::test]
async fn half_a_head_is_closed_after_the_timeout() {
    check_timeout(&REQUEST[..20]).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_timeout() {
    check_timeout(REQUEST).await;
    check_closed(REQUEST, http(|o| o.idle_timeout = Some(SHORT))).await;
}

#[tokio::test]
async fn a_dropped_server_closes_its_connections() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = duck.run(hello(duck.watch())).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    exchange(&mut client).await;
    server.abort();
    within(duck.connections.all_closed()).await;
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_service_may_be_made_for_each_connection_from_its_peer() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, listener) = bind(&duck).await;
    let tell = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
    let app = Router::new().route("/", get(tell));
    let make = move |peer| Extension(ConnectInfo::<SocketAddr>(peer)).layer(app.clone());
    let server: Serve<TcpListener, _> = serve_make_service(listener, make);
    let _server = spawn(server.into_future());
    let mut client = TcpStream::connect(addr).await.unwrap();
    let own = client.local_addr().unwrap().to_string();
    assert!(exchange(&mut client).await.ends_with(&own));
}

#[tokio::test]
async fn an_old_connection_is_notified_with_its_next_answer() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = run(&duck, http(|o| o.max_connection_age = Some(SHORT))).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    assert!(!exchange(&mut client).await.contains("connection: close"));
    tokio::time::sleep(SHORT * 3 / 2).await; // longer than the longest of its ages
    assert!(exchange(&mut client).await.contains("connection: close"));
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
    assert!(!exchange(&mut TcpStream::connect(addr).await.unwrap()).await.contains("close"));
}

#[tokio::test]
async fn what_a_handler_says_about_an_old_connection_is_kept() {
    for says in ["x-hop", "x-hop, close"] {
        let duck = Duck::new(SocketOptions::new());
        let (addr, listener) = bind(&duck).await;
        let app = Router::new().route("/", get(async move || ([(CONNECTION, says)], "hello")));
        let options = http(|o| o.max_connection_age = Some(Duration::ZERO));
        let _server = spawn(serve(listener, app).with_options(options).unwrap().into_future());
        let answer = exchange(&mut TcpStream::connect(addr).await.unwrap()).await;
        assert_eq!(answer.matches("connection: x-hop, close\r\n").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn an_old_http2_connection_is_notified_by_goaway() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, _server) = run(&duck, http(|o| o.max_connection_age = Some(SHORT))).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut send, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = spawn(connection);
    let request = http::Request::get("http://duck/").body(()).unwrap();
    let (response, _) = send.send_request(request, true).unwrap();
    assert_eq!(within(response).await.unwrap().status(), 200);
    within(connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_whose_handler_is_dropped_by_force_reads_what_its_layer_says_of_it() {
    // A part of the time that it has, and more than a turn of the runtime.
    check_forced(StopDeadlines::new(), SHORT / 4).await;
}

#[tokio::test]
async fn a_forced_connection_is_aborted_at_the_deadline_of_the_stop_and_not_before() {
    let mut deadlines = StopDeadlines::new();
    deadlines.abort_at = Some(Instant::now().into_std() + LONG);
    // More than the server gives without a deadline.
    check_forced(deadlines, 2 * SHORT).await;
}

async fn check_forced(deadlines: StopDeadlines, time: Duration) {
    let duck = Duck::new(SocketOptions::new());
    // As a layer does that answers for its dropped handler.
    let watch = duck.watch();
    let cut = async move || {
        watch.reached(Phase::Forced).await;
        tokio::time::sleep(time).await;
        (StatusCode::SERVICE_UNAVAILABLE, "cut")
    };
    let (addr, server) = duck.run(Router::new().route("/", get(cut))).await;
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    while duck.connections.totals().accepted == 0 {
        tokio::task::yield_now().await;
    }
    duck.phase.publish(Phase::Draining);
    duck.phase.set_deadlines(deadlines);
    duck.phase.publish(Phase::Forced);
    let answer = read_answer(&mut client).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("cut"), "{answer}");
    within(server).await.unwrap();
}

/// A service whose call itself panics, and not its future.
#[derive(Clone)]
struct Panics {
    router: Router,
}

impl tower_service::Service<http::Request<hyper::body::Incoming>> for Panics {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = axum::routing::future::RouteFuture<std::convert::Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<hyper::body::Incoming>) -> Self::Future {
        assert_ne!(request.uri().path(), "/panic", "a call that panics");
        tower_service::Service::call(&mut self.router, request)
    }
}

#[tokio::test]
async fn a_call_that_panics_costs_only_its_stream() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, listener) = bind(&duck).await;
    let _server = spawn(serve(listener, Panics { router: hello(duck.watch()) }).into_future());
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut send, connection) = h2::client::handshake(tcp).await.unwrap();
    let _connection = spawn(connection);
    for (path, is_answered) in [("/", true), ("/panic", false), ("/", true)] {
        let request = http::Request::get(format!("http://duck{path}")).body(()).unwrap();
        let (response, _) = send.send_request(request, true).unwrap();
        assert_eq!(within(response).await.is_ok(), is_answered, "{path}");
    }
    let mut http1 = into_tokio(connect_and_send(addr, b"GET /panic HTTP/1.1\r\n\r\n"));
    assert!(read_to_end(&mut http1).await.unwrap_or_default().is_empty());
    exchange(&mut TcpStream::connect(addr).await.unwrap()).await;
}

#[tokio::test]
async fn an_option_that_cannot_work_is_not_taken() {
    let duck = Duck::new(SocketOptions::new());
    let (_, listener) = bind(&duck).await;
    let options = http(|o| o.idle_timeout = Some(Duration::ZERO));
    let app = hello(duck.watch());
    let error = serve(listener, app).with_options(options).unwrap_err();
    assert!(error.to_string().contains("write `None`"), "{error}");
}

#[tokio::test]
async fn an_idle_timeout_closes_an_idle_client_and_not_one_that_is_served() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, listener) = bind(&duck).await;
    let slow = get(async || {
        tokio::time::sleep(SHORT).await;
        "hello"
    });
    let options = http(|o| o.idle_timeout = Some(Duration::from_millis(1)));
    let server = serve(listener, Router::new().route("/", slow)).with_options(options).unwrap();
    let _server = spawn(server.into_future());
    let mut client = into_tokio(connect_and_send(addr, REQUEST));
    assert!(read_answer(&mut client).await.unwrap().ends_with("hello"));
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
}
