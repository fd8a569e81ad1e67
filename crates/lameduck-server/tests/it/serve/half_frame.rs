//! HTTP/2 clients that stop in the middle of a frame, as an upload nearly always does.

use tokio::time::sleep;

use super::{
    peer::{DATA, HEADERS, OPEN, PING, Peer, patient, run},
    *,
};

#[tokio::test]
async fn half_a_frame_holds_a_stop_to_the_end_of_the_drain_and_not_until_force() {
    check_half_a_frame(SHORT, 2 * SHORT).await;
}

#[tokio::test]
async fn half_a_frame_ends_with_the_drain_although_its_peer_had_time_left() {
    check_half_a_frame(LONG, Duration::ZERO).await;
}

/// A client that stops in half a frame, on a server with this timeout and this long a drain.
async fn check_half_a_frame(goaway_ack_timeout: Duration, drain: Duration) {
    let duck = Duck::new(SocketOptions::new());
    let (addr, server) = run(&duck, hello(duck.watch()), patient(goaway_ack_timeout)).await;
    let mut peer = Peer::connect(addr).await;
    peer.send(&[0, 0, 8, PING]).await;
    duck.phase.publish(Phase::Draining);
    assert_eq!(peer.goaway().await, OPEN);
    within(duck.connections.listeners_closed()).await;
    sleep(drain).await;
    assert!(!server.is_finished());
    duck.phase.publish(Phase::Cancelling);
    peer.assert_closed().await;
    within(server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_answer_to_a_peer_that_stops_in_half_a_frame_ends_its_connection() {
    // On two threads, because the end of the stream and the check of it may cross.
    for _ in 0..100 {
        let duck = Duck::new(SocketOptions::new());
        let watch = duck.watch();
        let app = Router::new().route(
            "/",
            get(async move || {
                watch.reached(Phase::Cancelling).await;
                "hello"
            }),
        );
        let (addr, server) = run(&duck, app, patient(LONG)).await;
        let mut peer = Peer::connect(addr).await;
        peer.get(1).await;
        peer.send(&[0, 0, 8, PING]).await;
        duck.phase.publish(Phase::Draining);
        assert_eq!(peer.goaway().await, OPEN);
        duck.phase.publish(Phase::Cancelling);
        assert_eq!(peer.frame(HEADERS).await[0], 0x88);
        assert_eq!(peer.frame(DATA).await, b"hello");
        peer.assert_closed().await;
        within(server).await.unwrap();
    }
}

/// SETTINGS and `WINDOW_UPDATE` that permit streams of 2 GiB.
const WIDE: &[u8] = &[
    0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff, 0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0,
    0,
];

#[tokio::test]
async fn an_answer_that_its_peer_is_slow_to_read_arrives_whole() {
    let duck = Duck::new(SocketOptions::new());
    let len = 32 * 1024 * 1024;
    let watch = duck.watch();
    let app = Router::new().route(
        "/",
        get(async move || {
            watch.reached(Phase::Cancelling).await;
            vec![7; len]
        }),
    );
    let (addr, server) = run(&duck, app, patient(LONG)).await;
    let mut peer = Peer::connect(addr).await;
    peer.send(WIDE).await;
    peer.get(1).await;
    peer.send(&[0, 0, 8, PING]).await;
    duck.phase.publish(Phase::Draining);
    assert_eq!(peer.goaway().await, OPEN);
    duck.phase.publish(Phase::Cancelling);
    assert_eq!(peer.frame(HEADERS).await[0], 0x88);
    let mut read = 0;
    while read < len {
        // So slow that the rest is written before it is read.
        if read == 0 {
            sleep(2 * SHORT).await;
        }
        read += peer.frame(DATA).await.len();
    }
    peer.assert_closed().await;
    within(server).await.unwrap();
}
