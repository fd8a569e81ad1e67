//! Stops under load, and a verdict.

use lameduck_drain::DrainLayer;
use lameduck_drill::{Kind, Oracle};
use lameduck_inflight::{InFlight, InFlightLayer};
use tokio::time::sleep;

use super::*;

/// Stops a server under the load of all kinds of clients, and collects what they got.
async fn check_stop(seed: u64, lame_duck: Duration) {
    let duck = Duck::new(SocketOptions::new());
    let in_flight = InFlight::new();
    let watch = duck.watch();
    let app = lameduck_drill::app(move || watch.reached(Phase::Draining))
        .layer(DrainLayer::new(duck.watch()))
        .layer(InFlightLayer::new(in_flight.clone()));
    let (addr, server) = duck.run(app).await;
    let mut oracle = Oracle::new(addr).with_clients(Kind::ALL, 32);
    oracle.seed = seed;
    let running = oracle.start();
    // Not for a fixed time: on a busy machine a client may not have had a turn by then.
    running.each_scenario_answered().await;
    sleep(SHORT).await;
    if !lame_duck.is_zero() {
        duck.phase.publish(Phase::LameDuck);
        sleep(lame_duck).await;
    }
    duck.phase.publish(Phase::Draining);
    within(server).await.unwrap();
    let left = (in_flight.count(), duck.connections.count());
    let (verdict, totals) = (running.finish().await, duck.connections.totals());
    let story = format!("seed {seed}, {totals:?}\n{verdict}");
    assert_eq!(left, (0, 0), "{story}");
    assert!(verdict.is_clean(), "{story}");
    for kind in [Kind::Http2, Kind::KeepAlive, Kind::SlowUpload] {
        let mut rows = verdict.by_scenario.iter().filter(|(name, _)| name == kind.name());
        assert!(rows.any(|(_, counts)| counts.answered > 0), "no {kind}: {story}");
    }
    assert_eq!(totals.unread, 0, "{story}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_under_load_lose_nothing() {
    for seed in 0..3 {
        check_stop(seed, SHORT).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_without_a_lame_duck_lose_nothing() {
    for seed in 0..3 {
        check_stop(seed, Duration::ZERO).await;
    }
}
