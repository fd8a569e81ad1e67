//! A server that does everything right loses nothing.

use std::time::Duration;

use lameduck_drill::{
    Kind, Oracle, Outcome, burst_in_accept_queue, finish_all, half_body, half_head,
    idle_connection, open_web_socket, sent_request, silent_connection, unread_download,
};
use tokio::net::TcpListener;

use super::server::Server;

async fn axum() -> Server {
    Server::start(async |listener: TcpListener| {
        let app = lameduck_drill::app(std::future::pending::<()>);
        let _ = axum::serve(listener, app).await;
    })
    .await
}

#[tokio::test]
async fn a_correct_server_loses_nothing() {
    let server = axum().await;
    let mut oracle = Oracle::new(server.addr).with_clients(Kind::ALL, 19);
    oracle.seed = 42;
    let running = oracle.start();
    running.each_scenario_answered().await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let verdict = running.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.total.sent, verdict.total.answered, "{verdict}");
    assert_eq!(verdict.by_scenario.len(), Kind::ALL.len());
    for (name, counts) in &verdict.by_scenario {
        assert!(counts.answered > 0, "no {name} was answered:\n{verdict}");
    }
}

#[tokio::test]
async fn every_held_connection_is_answered() {
    let server = axum().await;
    let addr = server.addr;
    for held in [
        silent_connection(addr).await,
        half_head(addr).await,
        half_body(addr).await,
        idle_connection(addr).await,
        sent_request(addr, Duration::from_millis(5)).await,
        unread_download(addr, 16 * 1024 * 1024).await,
    ] {
        assert_eq!(held.finish().await, Outcome::Answered);
    }
    assert_eq!(open_web_socket(addr).await.close().await, Outcome::Answered);
}

#[tokio::test]
async fn a_burst_in_the_accept_queue_is_answered() {
    let server = axum().await;
    let verdict = finish_all(burst_in_accept_queue(server.addr, 200).await).await;
    assert_eq!(verdict.total.answered, 200, "{verdict}");
}

#[tokio::test]
async fn open_requests_are_counted_while_the_load_runs() {
    let server = axum().await;
    let running = Oracle::new(server.addr).with_client(Kind::Sse, 3).start();
    let all_open = async {
        while running.snapshot().open < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_open).await.expect("three are open");
    let verdict = running.finish().await;
    assert!(verdict.total.answered >= 3, "{verdict}");
}
