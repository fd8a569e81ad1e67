//! Services that are not ready, fail or panic when they are asked, on a server that has one for each
//! connection.

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

/// What a service says when it is asked whether it is ready.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Ready,
    Waits,
    Fails,
    Panics,
}

/// One mood for all clones of a service.
#[derive(Clone)]
struct Moods(Arc<Mutex<(Mood, Vec<Waker>)>>);

impl Moods {
    fn new(mood: Mood) -> Self {
        Self(Arc::new(Mutex::new((mood, Vec::new()))))
    }

    fn set(&self, mood: Mood) {
        let wakers = {
            let mut moods = self.0.lock().unwrap();
            moods.0 = mood;
            std::mem::take(&mut moods.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut moods = self.0.lock().unwrap();
        match moods.0 {
            Mood::Ready => Poll::Ready(Ok(())),
            Mood::Fails => Poll::Ready(Err(io::Error::other("in a mood"))),
            Mood::Panics => {
                drop(moods);
                panic!("in a mood");
            }
            Mood::Waits => {
                moods.1.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Somebody waits who will be woken.
    async fn is_waited_for(&self) {
        let waits = async {
            while !self.0.lock().unwrap().1.iter().any(|waker| !waker.will_wake(Waker::noop())) {
                tokio::task::yield_now().await;
            }
        };
        timeout(BOUND, waits).await.expect("nobody waits");
    }
}

/// An app that is as ready as its mood, and is not called before it has said so.
struct Moody {
    app: Router,
    moods: Moods,
    is_ready: bool,
}

impl Clone for Moody {
    fn clone(&self) -> Self {
        // Being ready is the promise of one service to whoever asked it.
        Self { app: self.app.clone(), moods: self.moods.clone(), is_ready: false }
    }
}

impl Service<Request<Body>> for Moody {
    type Response = Response;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = self.moods.poll(cx);
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
    moods: Moods,
    duck: lameduck::lifecycle::StopHandle,
    watch: lameduck::PhaseWatch,
    report: JoinHandle<Report>,
}

impl Server {
    async fn start(mood: Mood) -> Self {
        let windows = StopTimeouts::new()
            .with_lame_duck(Duration::from_millis(300))
            .with_drain(Duration::from_millis(700))
            .with_accept_queue(Duration::from_millis(200))
            .with_cancel(Duration::from_millis(200))
            .with_force(Duration::from_millis(500));
        let duck = builder().with_stop_timeouts(windows).build();
        let app = lameduck_drill::app(std::future::pending::<()>).with_state(());
        let moods = Moods::new(mood);
        let service = duck.layer().layer(Moody { app, moods: moods.clone(), is_ready: false });
        let listener = duck.bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, watch) = (duck.stop_handle(), duck.watch());
        #[expect(clippy::disallowed_methods, reason = "awaited by the test")]
        let report = tokio::spawn(duck.serve_make_service(listener, move |_| service.clone()));
        Self { addr, moods, duck: stop, watch, report }
    }

    async fn report(self) -> Report {
        let report = timeout(BOUND, self.report).await.expect("the stop ends").unwrap();
        let tally = report.tally();
        assert_eq!(tally.accepted, tally.finished + tally.rejected + tally.aborted, "{report}");
        report
    }

    /// The end of a server that has nobody left.
    async fn stop(self) {
        self.duck.stop("test", false);
        let report = self.report().await;
        assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    }
}

#[tokio::test]
async fn a_request_is_answered_when_its_service_is_ready_and_so_is_the_next_on_its_connection() {
    let server = Server::start(Mood::Waits).await;
    for _ in 0..2 {
        let first = sent_request(server.addr, Duration::ZERO).await;
        let second = sent_request(server.addr, Duration::ZERO).await;
        server.moods.is_waited_for().await;
        server.moods.set(Mood::Ready);
        assert_eq!((first.finish().await, second.finish().await), (Seen::Answered, Seen::Answered));
        let kept = idle_connection(server.addr).await;
        server.moods.set(Mood::Waits);
        let finish = async { kept.finish().await };
        let ready = async {
            server.moods.is_waited_for().await;
            server.moods.set(Mood::Ready);
        };
        assert_eq!(tokio::join!(finish, ready).0, Seen::Answered);
        server.moods.set(Mood::Waits);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_whose_service_is_ready_in_lame_duck_is_answered_and_told() {
    let server = Server::start(Mood::Waits).await;
    let mut waits = TcpStream::connect(server.addr).await.unwrap();
    waits.write_all(b"GET / HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
    server.moods.is_waited_for().await;
    server.duck.stop("test", true);
    server.watch.reached(Phase::LameDuck).await;
    server.moods.set(Mood::Ready);
    let mut answer = String::new();
    timeout(BOUND, waits.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    assert_eq!(server.report().await.outcome(), Outcome::Clean);
}

#[tokio::test]
async fn a_request_whose_service_is_ready_only_in_the_drain_is_turned_away() {
    let server = Server::start(Mood::Waits).await;
    let waits = sent_request(server.addr, Duration::ZERO).await;
    server.moods.is_waited_for().await;
    server.duck.stop("test", false);
    server.watch.reached(Phase::Draining).await;
    server.moods.set(Mood::Ready);
    assert_eq!(waits.finish().await, Seen::Rejected);
    let report = server.report().await;
    assert_eq!((report.outcome(), report.tally().rejected), (Outcome::Clean, 1), "{report}");
}

#[tokio::test]
async fn a_service_that_is_never_ready_does_not_hold_the_stop_beyond_its_windows() {
    let server = Server::start(Mood::Waits).await;
    let waits = sent_request(server.addr, Duration::ZERO).await;
    let silent = silent_connection(server.addr).await;
    server.moods.is_waited_for().await;
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
    let server = Server::start(Mood::Ready).await;
    for mood in [Mood::Fails, Mood::Panics] {
        let slow = sent_request(server.addr, Duration::from_millis(200)).await;
        let other = idle_connection(server.addr).await;
        server.moods.set(mood);
        let mut fails = TcpStream::connect(server.addr).await.unwrap();
        fails.write_all(b"GET / HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let end = timeout(BOUND, fails.read_to_end(&mut answer)).await.expect("it is closed");
        assert!(answer.is_empty(), "{mood:?}: {answer:?} {end:?}");
        server.moods.set(Mood::Ready);
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
    let server = Server::start(Mood::Waits).await;
    let tcp = TcpStream::connect(server.addr).await.unwrap();
    let (client, mut connection) = h2::client::Builder::new().handshake(tcp).await.unwrap();
    let talk = async {
        for mood in [Mood::Ready, Mood::Fails, Mood::Panics] {
            server.moods.set(Mood::Waits);
            let asked = async { tokio::join!(ask(&client), ask(&client)) };
            let ready = async {
                server.moods.is_waited_for().await;
                server.moods.set(mood);
            };
            let (answers, ()) = tokio::join!(asked, ready);
            for answer in [answers.0, answers.1] {
                match mood {
                    Mood::Ready => assert_eq!(answer.unwrap(), 200),
                    _ => assert!(answer.unwrap_err().is_reset(), "{mood:?}"),
                }
            }
        }
        server.moods.set(Mood::Ready);
        assert_eq!(ask(&client).await.unwrap(), 200);
    };
    tokio::select! {
        ended = &mut connection => panic!("the connection ended: {ended:?}"),
        in_time = timeout(BOUND, talk) => in_time.unwrap(),
    }
    drop((client, connection));
    server.stop().await;
}
