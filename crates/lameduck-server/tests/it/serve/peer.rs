//! HTTP/2 clients that do what no library would do, by hand.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lameduck_server::{HttpOptions, serve};
use tokio::time::{Instant, sleep};

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// The last stream in the first of two GOAWAYs, which names none.
pub(super) const OPEN: u32 = 0x7fff_ffff;

/// A client that answers nothing by itself.
pub(super) struct Peer {
    pub(super) tcp: TcpStream,
}

impl Peer {
    pub(super) async fn connect(addr: SocketAddr) -> Self {
        let mut tcp = TcpStream::connect(addr).await.unwrap();
        tcp.write_all(PREFACE).await.unwrap();
        Self { tcp }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.tcp.write_all(bytes).await.unwrap();
    }

    /// `GET /`, with fields of the static table alone.
    pub(super) async fn get(&mut self, stream: u8) {
        self.send(&[0, 0, 3, HEADERS, 5, 0, 0, 0, stream, 0x82, 0x84, 0x86]).await;
    }

    /// The payload of the next frame of that kind.
    pub(super) async fn frame(&mut self, kind: u8) -> Vec<u8> {
        self.frame_or_end(kind).await.expect("the server has closed")
    }

    /// `None`: the server has closed.
    async fn frame_or_end(&mut self, kind: u8) -> Option<Vec<u8>> {
        loop {
            let mut head = [0; 9];
            within(self.tcp.read_exact(&mut head)).await.ok()?;
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; len as usize];
            within(self.tcp.read_exact(&mut payload)).await.ok()?;
            if head[3] == kind {
                return Some(payload);
            }
        }
    }

    /// The last stream that a GOAWAY names.
    pub(super) async fn goaway(&mut self) -> u32 {
        let payload = self.frame(GOAWAY).await;
        assert_eq!(payload[4..8], [0; 4], "no error");
        u32::from_be_bytes(payload[..4].try_into().unwrap())
    }

    pub(super) async fn assert_closed(&mut self) {
        assert_eq!(self.frame_or_end(GOAWAY).await, None);
    }
}

pub(super) async fn run(
    duck: &Duck,
    app: Router,
    options: HttpOptions,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (addr, spawn(serve(listener, app).with_options(options).unwrap().into_future()))
}

pub(super) fn patient(ack_timeout: Duration) -> HttpOptions {
    http(|o| o.goaway_ack_timeout = ack_timeout)
}

#[tokio::test]
async fn a_client_that_answers_the_ping_gets_two_goaways_and_is_closed() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = run(&duck, hello(duck.watch()), patient(LONG)).await;
    let mut peer = Peer::connect(addr).await;
    peer.get(1).await;
    assert_eq!(peer.frame(HEADERS).await[0], 0x88); // `:status 200`
    duck.phase.publish(Phase::LameDuck);
    assert_eq!(peer.goaway().await, OPEN);
    let ping = peer.frame(PING).await;
    // This one crossed the first GOAWAY.
    peer.get(3).await;
    peer.send(&[[0, 0, 8, PING, 1, 0, 0, 0, 0].as_slice(), &ping].concat()).await;
    assert_eq!(peer.frame(HEADERS).await[0] & 0xf0, 0x80);
    assert_eq!(peer.goaway().await, 3);
    peer.assert_closed().await;
    assert!(!server.is_finished(), "a lame duck");
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_acknowledges_a_goaway_learns_the_last_stream_after_the_timeout() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = run(&duck, hello(duck.watch()), patient(SHORT)).await;
    let mut peer = Peer::connect(addr).await;
    duck.phase.publish(Phase::LameDuck);
    let notified_at = Instant::now();
    assert_eq!(peer.goaway().await, OPEN);
    peer.get(1).await;
    assert_eq!(peer.frame(HEADERS).await[0], 0x88);
    assert_eq!(peer.goaway().await, 1);
    assert!(notified_at.elapsed() >= SHORT);
    peer.assert_closed().await;
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap();
    assert_eq!(duck.connections.totals().aborted, 0);
}

#[tokio::test]
async fn the_end_of_the_drain_ends_the_wait_for_an_acknowledgement() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = run(&duck, hello(duck.watch()), patient(LONG)).await;
    let mut peer = Peer::connect(addr).await;
    duck.phase.publish(Phase::Draining);
    assert_eq!(peer.goaway().await, OPEN);
    within(duck.connections.listeners_closed()).await;
    sleep(SHORT).await;
    assert!(!server.is_finished(), "its ack_timeout is not over");
    duck.phase.publish(Phase::Cancelling);
    assert_eq!(peer.goaway().await, 0);
    peer.assert_closed().await;
    within(server).await.unwrap();
    assert_eq!(duck.connections.totals().aborted, 0);
}

#[tokio::test]
async fn a_stream_above_the_last_of_the_goaway_is_never_executed() {
    let duck = Duck::new(SocketOptions::new());
    let (called, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
    let (calls, wait) = (Arc::clone(&called), Arc::clone(&go));
    let app = Router::new().route(
        "/",
        get(async move || {
            calls.fetch_add(1, Ordering::Relaxed);
            wait.notified().await;
            "hello"
        }),
    );
    let (addr, server) = run(&duck, app, patient(SHORT)).await;
    let mut peer = Peer::connect(addr).await;
    peer.get(1).await;
    while called.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    duck.phase.publish(Phase::LameDuck);
    assert_eq!(peer.goaway().await, OPEN);
    assert_eq!(peer.goaway().await, 1);
    peer.get(3).await;
    // The answer to this comes after the stream before it.
    peer.send(&[0, 0, 8, PING, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).await;
    while peer.frame(PING).await[0] != 1 {}
    go.notify_waiters();
    assert_eq!(peer.frame(HEADERS).await[0], 0x88);
    assert_eq!(peer.frame(DATA).await, b"hello");
    peer.assert_closed().await;
    assert_eq!(called.load(Ordering::Relaxed), 1);
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_comes_before_its_ping_does_not_hold_a_stop() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = run(&duck, hello(duck.watch()), patient(SHORT)).await;
    let mut peer = Peer::connect(addr).await;
    let payload = [0x0b, 0x7b, 0xa2, 0xf0, 0x8b, 0x9b, 0xfe, 0x54];
    peer.send(&[[0, 0, 8, PING, 1, 0, 0, 0, 0].as_slice(), &payload].concat()).await;
    peer.get(1).await;
    assert_eq!(peer.frame(HEADERS).await[0], 0x88);
    duck.phase.publish(Phase::Draining);
    assert_eq!(peer.goaway().await, OPEN);
    assert_eq!(peer.frame(PING).await, payload);
    assert_eq!(peer.goaway().await, 1);
    peer.assert_closed().await;
    within(server).await.unwrap();
}

#[tokio::test]
async fn a_head_in_two_frames_is_not_broken_by_the_end_of_the_timeout() {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = run(&duck, hello(duck.watch()), patient(SHORT)).await;
    let mut peer = Peer::connect(addr).await;
    // Without END_HEADERS: only a CONTINUATION may follow.
    peer.send(&[0, 0, 2, HEADERS, 1, 0, 0, 0, 1, 0x82, 0x84]).await;
    duck.phase.publish(Phase::Draining);
    assert_eq!(peer.goaway().await, OPEN);
    sleep(2 * SHORT).await;
    peer.send(&[0, 0, 1, CONTINUATION, 4, 0, 0, 0, 1, 0x86]).await;
    // The answer and the second GOAWAY come in any order.
    let rest = read_to_end(&mut peer.tcp).await.unwrap();
    assert!(rest.windows(10).any(|frame| frame[3..] == [HEADERS, 4, 0, 0, 0, 1, 0x88]), "{rest:?}");
    within(server).await.unwrap();
}

#[tokio::test]
async fn an_idle_http2_connection_is_notified_by_goaway() {
    let duck = Duck::new(SocketOptions::new());
    let mut options = patient(SHORT);
    options.idle_timeout = Some(3 * SHORT);
    let (addr, _server) = run(&duck, hello(duck.watch()), options).await;
    let mut peer = Peer::connect(addr).await;
    let began = Instant::now();
    for stream in [1, 3, 5, 7, 9] {
        peer.get(stream).await;
        assert_eq!(peer.frame(HEADERS).await[0] & 0xf0, 0x80);
        sleep(SHORT).await;
    }
    assert!(began.elapsed() > 4 * SHORT, "longer than it may be idle");
    assert_eq!(peer.goaway().await, OPEN);
    assert_eq!(peer.goaway().await, 9);
    peer.assert_closed().await;
}

#[tokio::test]
async fn a_stream_that_never_ends_is_cut_when_the_grace_after_the_age_is_over() {
    let duck = Duck::new(SocketOptions::new());
    let app = Router::new().route("/", get(std::future::pending::<()>));
    let options = http(|o| {
        o.max_connection_age = Some(SHORT);
        o.connection_age_grace = Some(SHORT);
    });
    let (addr, _server) = run(&duck, app, options).await;
    let mut peer = Peer::connect(addr).await;
    let mut http1 = into_tokio(connect_and_send(addr, REQUEST));
    peer.get(1).await;
    assert_eq!(peer.goaway().await, OPEN);
    peer.assert_closed().await;
    assert_eq!(read_to_end(&mut http1).await.unwrap_or_default(), b"");
    within(duck.connections.all_closed()).await;
}
