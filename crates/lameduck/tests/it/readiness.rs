//! Services that are not ready, fail or panic in `poll_ready`, on a server with one service for
//! each connection.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use axum::{body::Body, response::Response};
use http::{Request, StatusCode};
use lameduck_drill::{Outcome as Seen, silent_connection};
use tokio::{task::JoinHandle, time::timeout};
use tower::{Layer, Service};

use super::*;

const BOUND: Duration = Duration::from_secs(20);

/// What a service answers in `poll_ready`.
#[derive(Clone, Copy, Debug)]
enum Readiness {
    Ready,
    Waits,
    Fails,
    Panics,
}

/// The readiness that all clones of a service share.
#[derive(Clone)]
struct SharedReadiness(Arc<Mutex<(Readiness, Vec<Waker>)>>);

impl SharedReadiness {
    fn new(readiness: Readiness) -> Self {
        Self(Arc::new(Mutex::new((readiness, Vec::new()))))
    }

    fn set(&self, readiness: Readiness) {
        let wakers = {
            let mut shared = self.0.lock().unwrap();
            shared.0 = readiness;
            std::mem::take(&mut shared.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut shared = self.0.lock().unwrap();
        match shared.0 {
            Readiness::Ready => Poll::Ready(Ok(())),
            Readiness::Fails => Poll::Ready(Err(io::Error::other("in a readiness"))),
            Readiness::Panics => {
                drop(shared);
                panic!("in a readiness");
            }
            Readiness::Waits => {
                shared.1.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Completes when a task waits for readiness.
    async fn is_waited_for(&self) {
        let waits = async {
            while !self.0.lock().unwrap().1.iter().any(|waker| !waker.will_wake(Waker::noop())) {
                tokio::task::yield_now().await;
            }
        };
        timeout(BOUND, waits).await.expect("no task waits");
    }
}

/// An app with this readiness. It must not be called before it is ready.
struct Fickle {
    app: Router,
    shared: SharedReadiness,
    is_ready: bool,
}

impl Clone for Fickle {
    fn clone(&self) -> Self {
        // Readiness is a promise of one service, not of its clones.
        Self { app: self.app.clone(), shared: self.shared.clone(), is_ready: false }
    }
}

impl Service<Request<Body>> for Fickle {
    type Response = Response;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = self.shared.poll(cx);
        self.is_ready = matches!(poll, Poll::Ready(Ok(())));
        poll
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called without having been ready");
        let answer = self.app.call(request);
        Box::pin(async move { answer.await.map_err(|error: Infallible| match error {}) })
    }
}

/// A server of such services, with the layer around them.
struct Server {
    addr: SocketAddr,
    shared: SharedReadiness,
    duck: lameduck::lifecycle::StopHandle,
    watch: lameduck::PhaseWatch,
    report: JoinHandle<Report>,
}

impl Server {
    async fn start(readiness: Readiness) -> Self {
        let timeouts = StopTimeouts::new()
            .with_lame_duck(Duration::from_millis(300))
            .with_drain(Duration::from_millis(700))
            .with_accept_queue(Duration::from_millis(200))
            .with_cancel(Duration::from_millis(200))
            .with_force(Duration::from_millis(500));
        let duck = builder().with_stop_timeouts(timeouts).build();
        let app = lameduck_drill::app(std::future::pending::<()>).with_state(());
        let shared = SharedReadiness::new(readiness);
        let service = duck.layer().layer(Fickle { app, shared: shared.clone(), is_ready: false });
        let listener = duck.bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, watch) = (duck.stop_handle(), duck.watch());
        #[expect(clippy::disallowed_methods, reason = "awaited by the test")]
        let report = tokio::spawn(duck.serve_make_service(listener, move |_| service.clone()));
        Self { addr, shared, duck: stop, watch, report }
    }

    async fn report(self) -> Report {
        let report = timeout(BOUND, self.report).await.expect("the stop ends").unwrap();
        let tally = report.tally();
        assert_eq!(tally.accepted, tally.finished + tally.rejected + tally.aborted, "{report}");
        report
    }

    /// Stops the server and returns its report.
    async fn stop(self) {
        self.duck.stop("test", false);
        let report = self.report().await;
        assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    }
}

#[tokio::test]
async fn a_request_is_answered_when_its_service_is_ready_and_so_is_the_next_on_its_connection() {
    let server = Server::start(Readiness::Waits).await;
    for _ in 0..2 {
        let first = sent_request(server.addr, Duration::ZERO).await;
        let second = sent_request(server.addr, Duration::ZERO).await;
        server.shared.is_waited_for().await;
        server.shared.set(Readiness::Ready);
        assert_eq!((first.finish().await, second.finish().await), (Seen::Answered, Seen::Answered));
        let kept = idle_connection(server.addr).await;
        server.shared.set(Readiness::Waits);
        let finish = async { kept.finish().await };
        let ready = async {
            server.shared.is_waited_for().await;
            server.shared.set(Readiness::Ready);
        };
        assert_eq!(tokio::join!(finish, ready).0, Seen::Answered);
        server.shared.set(Readiness::Waits);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_whose_service_is_ready_in_lame_duck_is_answered_and_notified() {
    let server = Server::start(Readiness::Waits).await;
    let mut waits = TcpStream::connect(server.addr).await.unwrap();
    waits.write_all(b"GET / HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
    server.shared.is_waited_for().await;
    server.duck.stop("test", true);
    server.watch.reached(Phase::LameDuck).await;
    server.shared.set(Readiness::Ready);
    let mut answer = String::new();
    timeout(BOUND, waits.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert_eq!(server.report().await.outcome(), Outcome::Clean);
}

#[tokio::test]
async fn a_request_whose_service_is_ready_only_in_the_drain_is_rejected() {
    let server = Server::start(Readiness::Waits).await;
    let waits = sent_request(server.addr, Duration::ZERO).await;
    server.shared.is_waited_for().await;
    server.duck.stop("test", false);
    server.watch.reached(Phase::Draining).await;
    server.shared.set(Readiness::Ready);
    assert_eq!(waits.finish().await, Seen::Rejected);
    let report = server.report().await;
    assert_eq!((report.outcome(), report.tally().rejected), (Outcome::Clean, 1), "{report}");
}

#[tokio::test]
async fn a_service_that_is_never_ready_does_not_delay_the_stop_beyond_its_timeouts() {
    let server = Server::start(Readiness::Waits).await;
    let waits = sent_request(server.addr, Duration::ZERO).await;
    let silent = silent_connection(server.addr).await;
    server.shared.is_waited_for().await;
    server.duck.stop("test", false);
    let report = server.report().await;
    assert_eq!(report.outcome(), Outcome::Forced, "{report}");
    assert!(report.took() < Duration::from_secs(3), "{report}");
    for mut peer in [waits, silent] {
        assert!(peer.closed(BOUND).await);
    }
}

#[tokio::test]
async fn a_service_that_fails_or_panics_costs_its_connection_and_no_other() {
    let server = Server::start(Readiness::Ready).await;
    for readiness in [Readiness::Fails, Readiness::Panics] {
        let slow = sent_request(server.addr, Duration::from_millis(200)).await;
        let other = idle_connection(server.addr).await;
        server.shared.set(readiness);
        let mut fails = TcpStream::connect(server.addr).await.unwrap();
        fails.write_all(b"GET / HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let end = timeout(BOUND, fails.read_to_end(&mut answer)).await.expect("it is closed");
        assert!(answer.is_empty(), "{readiness:?}: {answer:?} {end:?}");
        server.shared.set(Readiness::Ready);
        assert_eq!((slow.finish().await, other.finish().await), (Seen::Answered, Seen::Answered));
    }
    server.stop().await;
}

/// The status of an answer on HTTP/2, or why there is none.
async fn ask(client: &h2::client::SendRequest<&'static [u8]>) -> Result<StatusCode, h2::Error> {
    let mut client = client.clone().ready().await?;
    let request = Request::get("http://duck/").body(()).unwrap();
    let (answer, _) = client.send_request(request, true)?;
    Ok(answer.await?.status())
}

#[tokio::test]
async fn on_http2_a_service_that_waits_fails_or_panics_costs_its_streams_alone() {
    let server = Server::start(Readiness::Waits).await;
    let tcp = TcpStream::connect(server.addr).await.unwrap();
    let (client, mut connection) = h2::client::Builder::new().handshake(tcp).await.unwrap();
    let talk = async {
        for readiness in [Readiness::Ready, Readiness::Fails, Readiness::Panics] {
            server.shared.set(Readiness::Waits);
            let asked = async { tokio::join!(ask(&client), ask(&client)) };
            let ready = async {
                server.shared.is_waited_for().await;
                server.shared.set(readiness);
            };
            let (answers, ()) = tokio::join!(asked, ready);
            for answer in [answers.0, answers.1] {
                match readiness {
                    Readiness::Ready => assert_eq!(answer.unwrap(), 200),
                    _ => assert!(answer.unwrap_err().is_reset(), "{readiness:?}"),
                }
            }
        }
        server.shared.set(Readiness::Ready);
        assert_eq!(ask(&client).await.unwrap(), 200);
    };
    tokio::select! {
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
        in_time = timeout(BOUND, talk) => in_time.unwrap(),
    }
    drop((client, connection));
    server.stop().await;
}
