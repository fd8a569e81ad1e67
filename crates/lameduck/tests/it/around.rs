//! The layer around the whole router, on a server that makes a service for each connection.

use std::{net::SocketAddr, time::Duration};

use axum::{Extension, Router, routing::get};
use lameduck::{Lameduck, Outcome, Phase};
use lameduck_test::{Oracle, sent_request};
use tower::Layer;

use crate::duck;

/// A router without a layer of ours on its routes.
fn bare(duck: &Lameduck) -> Router {
    let watch = duck.watch();
    lameduck_test::app(move || watch.reached(Phase::Draining))
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
    let report = tokio::spawn(duck.serve_each_on(listener, make));

    // Counted before its route is known, it is named by its path.
    let slow = sent_request(addr, Duration::from_millis(500)).await;
    while in_flight.count() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(in_flight.blockers().iter().any(|line| line.route().starts_with('/')));
    let load = Oracle::new(addr).with_mixed_clients(16).start();
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.stop("test", true);
    let report = report.await.unwrap();
    load.stop_sending();
    let verdict = load.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(slow.finish().await, lameduck_test::Outcome::Answered);
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    let tally = report.tally();
    assert!(tally.accepted > 16, "{report}");
    assert_eq!(tally.accepted, tally.finished + tally.rejected + tally.aborted, "{report}");
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
    let report = tokio::spawn(duck.serve_each_on(listener, make));
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
