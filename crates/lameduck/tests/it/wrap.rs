//! The layer around the whole router, and services that are made for each connection.

use std::{net::SocketAddr, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo, routing::get};
use lameduck::{IntoService, Lameduck, Outcome, Phase, inflight::InFlight};
use lameduck_drill::{Kind, Oracle, idle_connection, sent_request, silent_connection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tower::Layer;

use crate::{builder, duck};

const BOUND: Duration = Duration::from_secs(20);

/// A router without a layer of ours on its routes.
fn bare(duck: &Lameduck) -> Router {
    let watch = duck.watch();
    lameduck_drill::app(move || watch.reached(Phase::Draining))
        .route("/peer", get(async |Extension(peer): Extension<SocketAddr>| peer.to_string()))
        .with_state(())
}

#[tokio::test]
async fn a_layer_around_the_router_stops_without_a_loss_and_its_numbers_add_up() {
    let duck = duck();
    let stop = duck.stop_handle();
    let service = duck.layer().layer(bare(&duck));
    let listener = duck.bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let in_flight = duck.in_flight().clone();
    let make = move |peer: SocketAddr| Extension(peer).layer(service.clone());
    #[expect(clippy::disallowed_methods, reason = "awaited by the test")]
    let report = tokio::spawn(duck.serve_make_service(listener, make));

    // It is counted before its route is known, so it is named by its path.
    let slow = sent_request(addr, Duration::from_millis(500)).await;
    let listed = async {
        // A request is listed a moment after it is counted.
        while !in_flight.blockers().iter().any(|line| line.route().starts_with('/')) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(BOUND, listed).await.expect("it is in flight for long enough to be listed");
    let load = Oracle::new(addr).with_clients(Kind::ALL, 16).start();
    load.each_scenario_answered().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.stop("test", true);
    let report = report.await.unwrap();
    load.stop_sending();
    let verdict = load.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(slow.finish().await, lameduck_drill::Outcome::Answered);
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    let tally = report.tally();
    assert!(tally.accepted > 16, "{report}");
    assert_eq!(tally.accepted, tally.finished + tally.rejected + tally.aborted, "{report}");
}

/// Checks what is counted for requests on one connection.
async fn counted(addr: SocketAddr, in_flight: &InFlight, requests: &str) -> (u64, u64, String) {
    let before = in_flight.totals();
    let mut client = TcpStream::connect(addr).await.unwrap();
    client.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    timeout(BOUND, client.read_to_string(&mut answers)).await.unwrap().unwrap();
    timeout(BOUND, in_flight.idle()).await.unwrap();
    let now = in_flight.totals();
    (now.entered() - before.entered(), now.aborted() - before.aborted(), answers)
}

async fn check_counts(duck: Lameduck, app: impl IntoService + Send + 'static) {
    let (stop, watch, in_flight) = (duck.stop_handle(), duck.watch(), duck.in_flight().clone());
    let (addr, report) = crate::serve(duck, app).await;
    let head = "HTTP/1.1\r\nhost: duck\r\n";
    let close = "connection: close\r\n\r\n";
    for (request, answer) in [
        (format!("GET /peer {head}{close}"), "HTTP/1.1 200"),
        (format!("GET /nowhere {head}{close}"), "HTTP/1.1 404"),
        (format!("PUT /peer {head}{close}"), "HTTP/1.1 405"),
        (format!("HEAD /peer {head}{close}"), "HTTP/1.1 200"),
        ("GET /peer HTTP/1.0\r\n\r\n".to_owned(), "HTTP/1.0 200"),
        (format!("GET /readyz {head}{close}"), "HTTP/1.1 200"),
        (format!("GET /livez {head}{close}"), "HTTP/1.1 200"),
    ] {
        let (entered, aborted, answers) = counted(addr, &in_flight, &request).await;
        assert_eq!((entered, aborted), (1, 0), "{request}");
        assert!(answers.starts_with(answer), "{request} {answers}");
    }
    // Sent in one write.
    let requests = format!(
        "GET /peer {head}\r\nHEAD /peer {head}\r\nGET /nowhere {head}\r\nGET /peer {head}{close}"
    );
    let (entered, aborted, answers) = counted(addr, &in_flight, &requests).await;
    assert_eq!((entered, aborted), (4, 0));
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 4, "{answers}");
    // The handler panicked, so its request is not listed any more.
    let (entered, aborted, answers) =
        counted(addr, &in_flight, &format!("GET /panics {head}{close}")).await;
    assert_eq!((entered, aborted, &*answers), (1, 1, ""));

    // Connected before the stop, with a request after it.
    let mut kept = [const { None }; 2];
    for client in &mut kept {
        let mut idle = TcpStream::connect(addr).await.unwrap();
        idle.write_all(format!("HEAD /peer {head}\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            assert!(timeout(BOUND, idle.read_buf(&mut answer)).await.unwrap().unwrap() > 0);
        }
        *client = Some(idle);
    }
    stop.stop("test", false);
    watch.reached(Phase::Draining).await;
    for (client, path, body) in
        [(0, "/nowhere", "did not execute"), (1, "/readyz", "{\"status\":\"draining\"}")]
    {
        let client = kept[client].as_mut().unwrap();
        client.write_all(format!("GET {path} {head}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(BOUND, client.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(body), "{answer}");
    }
    let report = timeout(BOUND, report).await.unwrap().unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    assert_eq!(report.tally().rejected, 1, "a probe is not rejected: {report}");
}

fn counted_app() -> Router {
    let peer = get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string());
    Router::new()
        .route("/peer", peer)
        .route("/panics", get(async || -> &'static str { panic!("a handler may") }))
}

#[tokio::test]
async fn the_layer_around_a_router_counts_and_rejects_as_the_one_on_its_routes_does() {
    let duck = duck();
    let app = counted_app().merge(duck.probes()).layer(duck.layer());
    check_counts(duck, app).await;
    let duck = crate::duck();
    let app = duck.wrap(counted_app());
    check_counts(duck, app).await;
}

#[tokio::test]
async fn a_wrapped_router_has_probes_that_say_when_the_server_stops() {
    let duck = duck();
    let (stop, watch) = (duck.stop_handle(), duck.watch());
    let guard = duck.in_flight().enter_named("job");
    let app = duck.wrap(Router::new().route("/", get(async || "hello")));
    let (addr, report) = crate::serve(duck, app).await;
    for path in ["/livez", "/readyz"] {
        let answer = ask_once(addr, path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    stop.stop("test", true);
    watch.reached(Phase::LameDuck).await;
    let (live, ready) = (ask_once(addr, "/livez").await, ask_once(addr, "/readyz").await);
    assert!(live.starts_with("HTTP/1.1 200"), "{live}");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("lame_duck"), "{ready}");
    drop(guard);
    assert_eq!(timeout(BOUND, report).await.unwrap().unwrap().outcome(), Outcome::Clean);
}

#[tokio::test]
async fn probes_that_are_switched_off_leave_their_paths_to_the_router() {
    let duck = builder().without_probes().build();
    let stop = duck.stop_handle();
    let app = duck.wrap(Router::new().route("/readyz", get(async || "mine")));
    let (addr, report) = crate::serve(duck, app).await;
    let (own, none) = (ask_once(addr, "/readyz").await, ask_once(addr, "/livez").await);
    assert!(own.ends_with("mine"), "{own}");
    assert!(none.starts_with("HTTP/1.1 404"), "{none}");
    stop.stop("test", false);
    assert_eq!(timeout(BOUND, report).await.unwrap().unwrap().outcome(), Outcome::Clean);
}

#[tokio::test]
#[should_panic(expected = "call `LameduckBuilder::without_probes`")]
async fn a_router_with_a_probe_of_its_own_is_an_error_at_the_start_that_says_what_to_do() {
    _ = duck().wrap(Router::new().route("/readyz", get(async || "mine")));
}

/// The whole answer to one request on a connection of its own.
async fn ask_once(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(BOUND, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn a_service_is_made_for_each_connection_from_its_peers_address() {
    let duck = duck();
    let stop = duck.stop_handle();
    let service = duck.layer().layer(bare(&duck));
    let listener = duck.bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let make = move |peer: SocketAddr| Extension(peer).layer(service.clone());
    #[expect(clippy::disallowed_methods, reason = "awaited by the test")]
    let report = tokio::spawn(duck.serve_make_service(listener, make));
    let ask = std::thread::spawn(move || {
        use std::io::{Read, Write};

        let mut stream = std::net::TcpStream::connect(addr).unwrap();
        let asked = b"GET /peer HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(asked).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (stream.local_addr().unwrap(), answer)
    });
    let (me, answer) = tokio::task::spawn_blocking(|| ask.join().unwrap()).await.unwrap();
    assert!(answer.ends_with(&me.to_string()), "{answer}");
    stop.stop("test", false);
    assert_eq!(report.await.unwrap().outcome(), Outcome::Clean);
}

#[tokio::test]
async fn a_make_that_panics_ends_the_server_and_every_connection() {
    let duck = duck();
    let service = duck.layer().layer(bare(&duck));
    let listener = duck.bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let mut made = 0;
    let make = move |_| {
        made += 1;
        assert!(made < 3, "the third is one too many");
        service.clone()
    };
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    let report = tokio::spawn(duck.serve_make_service(listener, make));
    let mut idle = idle_connection(addr).await;
    let mut slow = sent_request(addr, Duration::from_secs(600)).await;
    let mut third = silent_connection(addr).await;
    let error = timeout(BOUND, report).await.unwrap().unwrap_err();
    assert!(error.is_panic());
    for peer in [&mut idle, &mut slow, &mut third] {
        assert!(peer.closed(BOUND).await);
    }
    assert!(TcpStream::connect(addr).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn clients_in_the_queue_of_a_unix_socket_are_rejected_by_a_service_for_each() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::net::{UnixListener, UnixStream, unix};

    let path = std::env::temp_dir().join(format!("lameduck-each-{}.sock", std::process::id()));
    _ = std::fs::remove_file(&path);
    let duck = duck();
    let service = duck.layer().layer(bare(&duck));
    let listener = duck.listener(UnixListener::bind(&path).unwrap());
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let make = move |_: unix::SocketAddr| {
        count.fetch_add(1, Ordering::Relaxed);
        service.clone()
    };
    let stop = duck.stop_handle();
    // In the queue before the server accepts.
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = UnixStream::connect(&path).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
        clients.push(client);
    }
    stop.stop("test", false);
    let report = timeout(BOUND, duck.serve_make_service(listener, make)).await.unwrap();
    for (number, client) in clients.iter_mut().enumerate() {
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503"), "{number}: {answer}");
    }
    assert_eq!((report.outcome(), report.tally().rejected), (Outcome::Clean, 50), "{report}");
    assert_eq!(made.load(Ordering::Relaxed), 50);
    assert!(UnixStream::connect(&path).await.is_err());
    std::fs::remove_file(&path).unwrap();
}
