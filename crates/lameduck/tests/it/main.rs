//! What users of the facade get, in one process: their own server, stopped by a handle.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

#[cfg(unix)]
mod hostile;
#[cfg(target_os = "linux")]
mod process;
mod readiness;
mod sockets;
mod spawned;
#[cfg(feature = "websocket")]
mod streams;
#[cfg(all(feature = "tls", unix))]
mod tls;
mod triggers;
mod wrap;

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    routing::get,
};
use hyper::upgrade::OnUpgrade;
use lameduck::{
    IntoService, Lameduck, LameduckBuilder, Outcome, Phase, Report, StopTimeouts,
    context::RequestContext, signal::Signals,
};
use lameduck_drill::{Kind, Oracle, idle_connection, sent_request};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A server without signals: several servers share this process.
fn builder() -> LameduckBuilder {
    use lameduck::signal::Signal;
    let timeouts = StopTimeouts::new().with_lame_duck(Duration::from_millis(100));
    let signals = Signals::new().without(Signal::Terminate).without(Signal::Interrupt);
    Lameduck::builder().with_signals(signals).with_stop_timeouts(timeouts)
}

fn duck() -> Lameduck {
    builder().build()
}

fn app(duck: &Lameduck) -> Router {
    let watch = duck.watch();
    lameduck_drill::app(move || watch.reached(Phase::Draining))
        .route("/peer", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string()))
        .layer(duck.layer())
}

/// Serves on a free port, in the background.
async fn serve(
    duck: Lameduck,
    app: impl IntoService + Send + 'static,
) -> (SocketAddr, tokio::task::JoinHandle<Report>) {
    let listener = duck.bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "awaited by the test")]
    let report = tokio::spawn(duck.serve_listener(listener, app.with_connect_info()));
    (addr, report)
}

#[tokio::test]
async fn a_server_under_load_stops_without_a_loss_and_its_numbers_add_up() {
    let duck = duck();
    let (stop, app) = (duck.stop_handle(), app(&duck));
    let (addr, report) = serve(duck, app).await;
    let load = Oracle::new(addr).with_clients(Kind::ALL, 16).start();
    load.each_scenario_answered().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.stop("test", true);
    let report = report.await.unwrap();
    load.stop_sending();
    let verdict = load.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    let tally = report.tally();
    assert_eq!(tally.accepted, tally.finished + tally.rejected + tally.aborted);
}

#[tokio::test]
async fn a_stock_server_with_our_listener_and_layer_stops_without_a_loss() {
    let duck = duck();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = app(&duck).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(duck.axum_listener(listener), app)
        .with_graceful_shutdown(duck.shutdown_signal());
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    let server = tokio::spawn(server.into_future());
    let load = Oracle::new(addr).with_client(Kind::KeepAlive, 8).start();
    let body = get_body(addr, "/peer", "accept: */*").await;
    assert!(body.starts_with("127.0.0.1:"), "{body}");
    load.each_scenario_answered().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    duck.stop_handle().stop("test", true);
    server.await.unwrap().unwrap();
    let report = duck.finished().await;
    load.stop_sending();
    let verdict = load.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
}

#[tokio::test]
async fn a_client_that_comes_during_the_start_waits_and_is_then_served() {
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let duck = builder().on_start("database", async move || gate.await).build();
    let (stop, app) = (duck.stop_handle(), app(&duck));
    let (addr, report) = serve(duck, app).await;
    let early = sent_request(addr, Duration::ZERO).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(early.is_quiet(), "nothing is served before the start is over");
    open.send(()).unwrap();
    assert_eq!(early.finish().await, lameduck_drill::Outcome::Answered);
    stop.stop("test", false);
    assert_eq!(report.await.unwrap().outcome(), Outcome::Clean);
}

#[tokio::test]
async fn a_client_that_waits_when_the_start_fails_is_rejected_and_not_reset() {
    let (fail, gate) = tokio::sync::oneshot::channel::<()>();
    let duck = builder().on_start("database", async move || gate.await).build();
    let app = app(&duck);
    let (addr, report) = serve(duck, app).await;
    let early = sent_request(addr, Duration::ZERO).await;
    drop(fail);
    assert_eq!(early.finish().await, lameduck_drill::Outcome::Rejected);
    let report = report.await.unwrap();
    assert_eq!(report.outcome(), Outcome::NotStarted);
    assert!(report.error().unwrap().contains("start hook `database` failed"), "{report}");
}

#[tokio::test]
async fn handlers_know_their_peer_and_their_request() {
    let duck = duck();
    let stop = duck.stop_handle();
    let app = app(&duck).route(
        "/id",
        get(async || {
            RequestContext::current().map_or_else(String::new, |context| {
                context.request_id().unwrap_or_default().to_owned()
            })
        })
        .layer(duck.layer()),
    );
    let can_upgrade = async |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| {
        format!("{} {peer}", request.extensions().get::<OnUpgrade>().is_some())
    };
    let app = app.route("/upgrade", get(can_upgrade));
    let (addr, report) = serve(duck, app).await;
    let body = get_body(addr, "/peer", "accept: */*").await;
    assert!(body.starts_with("127.0.0.1:"), "{body}");
    let body = get_body(addr, "/id", "x-request-id: from-outside").await;
    assert_eq!(body, "from-outside");
    // Beside the extensions that hyper adds.
    let body = get_body(addr, "/upgrade", "connection: upgrade\r\nupgrade: other").await;
    assert!(body.starts_with("true 127.0.0.1:"), "{body}");
    let body = get_body(addr, "/upgrade", "accept: */*").await;
    assert!(body.starts_with("false 127.0.0.1:"), "{body}");
    stop.stop("test", false);
    assert_eq!(report.await.unwrap().outcome(), Outcome::Clean);
}

#[tokio::test]
async fn an_http2_client_is_notified_in_lame_duck_while_new_connections_are_served() {
    let timeouts = StopTimeouts::new().with_lame_duck(Duration::from_secs(2));
    let duck = builder().with_stop_timeouts(timeouts).build();
    let (stop, app, watch) = (duck.stop_handle(), app(&duck), duck.watch());
    let (addr, report) = serve(duck, app).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (send, connection) = h2::client::handshake(tcp).await.unwrap();
    let idle = send.clone();
    stop.stop("test", true);
    // It was idle, so only a GOAWAY can have ended it.
    connection.await.unwrap();
    assert_eq!(watch.current(), Phase::LameDuck);
    assert!(get_body(addr, "/peer", "accept: */*").await.starts_with("127.0.0.1:"));
    assert_eq!(watch.current(), Phase::LameDuck);
    assert_eq!(report.await.unwrap().outcome(), Outcome::Clean);
    drop((send, idle));
}

#[tokio::test]
async fn an_option_that_cannot_work_fails_the_start_and_is_named_in_the_report() {
    let zero = Some(Duration::ZERO);
    let http = builder().with_http(|http| http.idle_timeout = zero).build();
    let sockets = builder().with_sockets(|sockets| sockets.tcp_keepalive = zero).build();
    for (duck, name) in [(http, "`idle_timeout`"), (sockets, "`tcp_keepalive`")] {
        let listener = duck.listener(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let report = duck.serve_listener(listener, Router::new()).await;
        assert_eq!(report.outcome(), Outcome::NotStarted);
        let error = report.error().unwrap();
        assert!(error.contains(name), "{error}");
    }
}

#[tokio::test]
async fn the_http_options_are_those_of_the_server() {
    let duck = builder().with_http(|http| http.max_connections = Some(1)).build();
    let (stop, app, connections) = (duck.stop_handle(), app(&duck), duck.connections().clone());
    let (addr, report) = serve(duck, app).await;
    let first = idle_connection(addr).await;
    let second = sent_request(addr, Duration::ZERO).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(connections.count(), 1);
    drop(first);
    assert_eq!(second.finish().await, lameduck_drill::Outcome::Answered);
    stop.stop("test", false);
    assert_eq!(report.await.unwrap().outcome(), Outcome::Clean);
}

#[tokio::test]
async fn a_listener_that_is_kept_open_rejects_until_the_end_of_the_drain() {
    use lameduck::server::ListenerEnd;
    let duck =
        builder().with_sockets(|sockets| sockets.listener_end = ListenerEnd::KeepOpen).build();
    let (stop, app, watch) = (duck.stop_handle(), app(&duck), duck.watch());
    let (addr, report) = serve(duck, app).await;
    let slow = sent_request(addr, Duration::from_millis(1500)).await;
    drop(idle_connection(addr).await);
    stop.stop("test", false);
    watch.reached(Phase::Draining).await;
    // Longer than the timeout of a listener that closes.
    for _ in 0..12 {
        let new = sent_request(addr, Duration::ZERO).await;
        assert_eq!(new.finish().await, lameduck_drill::Outcome::Rejected);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(slow.finish().await, lameduck_drill::Outcome::Answered);
    let report = report.await.unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_request_that_blocks_the_stop_is_named_with_its_id() {
    let timeouts = StopTimeouts::new()
        .with_lame_duck(Duration::ZERO)
        .with_drain(Duration::from_millis(200))
        .with_accept_queue(Duration::from_millis(100))
        .with_cancel(Duration::from_millis(100));
    let duck = builder().with_stop_timeouts(timeouts).build();
    let (stop, app) = (duck.stop_handle(), app(&duck));
    let in_flight = duck.in_flight().clone();
    let (addr, report) = serve(duck, app).await;
    let stuck = sent_request(addr, Duration::from_secs(600)).await;
    drop(idle_connection(addr).await);
    let [blocker] = &in_flight.blockers()[..] else { panic!("{:?}", in_flight.blockers()) };
    let id = blocker.request_id().expect("the id was made further in, and handed out").to_owned();
    stop.stop("test", false);
    let report = report.await.unwrap();
    assert_eq!(report.outcome(), Outcome::Forced);
    let named = report.blockers().iter().any(|line| line.contains("/slow") && line.contains(&id));
    assert!(named, "{report}");
    drop(stuck);
}

#[tokio::test]
async fn an_idle_server_stops_within_20_ms_of_the_end_of_its_lame_duck() {
    // The best of five: a busy machine delays single runs.
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let duck = duck();
        let (stop, app) = (duck.stop_handle(), app(&duck));
        let (addr, report) = serve(duck, app).await;
        drop(idle_connection(addr).await);
        stop.stop("test", true);
        let report = report.await.unwrap();
        let lame_duck = report.phases()[0];
        assert_eq!(lame_duck.phase, Phase::LameDuck);
        best = best.min(report.took() - lame_duck.took);
    }
    assert!(best < Duration::from_millis(20), "{best:?}");
}

#[tokio::test]
async fn a_port_in_use_is_a_report_that_names_it_and_no_hook_runs() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap();
    let duck = builder().on_start("never", async || unreachable()).build();
    let report = duck.serve(addr, Router::new()).await;
    assert_eq!(report.outcome(), Outcome::NotStarted);
    assert!(report.error().unwrap().contains(&addr.to_string()), "{report}");
    assert_eq!(ExitCode::from(report), ExitCode::from(2));
}

fn unreachable() {
    panic!("a hook ran");
}

#[test]
fn a_server_may_be_built_outside_of_the_runtime_that_it_runs_on() {
    let duck = duck();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let finished = duck.finished();
        duck.stop_handle().stop("test", false);
        finished.await
    });
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
}

#[tokio::test]
async fn a_server_without_our_listener_stops_when_its_requests_are_over() {
    let duck = duck();
    let guard = duck.in_flight().enter_named("job");
    let stop = duck.stop_handle();
    let report = duck.finished();
    let mut report = std::pin::pin!(report);
    stop.stop("test", false);
    let early = tokio::time::timeout(Duration::from_millis(200), report.as_mut()).await;
    assert!(early.is_err(), "the job is not over");
    drop(guard);
    let report = report.await;
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    assert!(report.took() < Duration::from_millis(500), "{report}");
}

/// The body of the answer to a request with this header line, read to the end of the connection.
async fn get_body(addr: SocketAddr, path: &str, header: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").expect("a whole head").1.to_owned()
}
