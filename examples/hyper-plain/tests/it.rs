//! What clients of a loop on hyper get when it is stopped.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use lameduck_drill::{Kind, Oracle, Outcome, open_web_socket};
use lameduck_test_support::TestServer;
use tokio::time::sleep;

async fn start(lame_duck_ms: &str) -> TestServer {
    TestServer::start(env!("CARGO_BIN_EXE_hyper-plain"), ["--lame-duck", lame_duck_ms]).await
}

async fn check_load(kinds: &[(Kind, usize)], lame_duck_ms: &str) {
    let server = start(lame_duck_ms).await;
    let mut load = Oracle::new(server.addr());
    for (kind, count) in kinds {
        load = load.with_client(*kind, *count);
    }
    let load = load.start();
    load.each_scenario_answered().await;
    sleep(Duration::from_millis(500)).await;
    server.terminate();
    server.stopped().await.assert_clean();
    let verdict = load.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.by_scenario.iter().all(|(_, counts)| counts.answered > 0), "{verdict}");
}

#[tokio::test]
async fn http2_clients_lose_nothing_with_a_lame_duck_and_without() {
    for lame_duck_ms in ["300", "0"] {
        check_load(&[(Kind::Http2, 16)], lame_duck_ms).await;
    }
}

#[tokio::test]
async fn http1_clients_lose_nothing_with_a_lame_duck_and_without() {
    for lame_duck_ms in ["300", "0"] {
        check_load(&[(Kind::KeepAlive, 16), (Kind::NewConnection, 8)], lame_duck_ms).await;
    }
}

#[tokio::test]
async fn uploads_downloads_and_streams_are_whole() {
    let kinds = [Kind::SlowUpload, Kind::Download, Kind::Sse, Kind::WebSocket];
    check_load(&kinds.map(|kind| (kind, 4)), "300").await;
}

#[tokio::test]
async fn an_upgraded_connection_is_notified_and_waited_for() {
    let server = start("0").await;
    let socket = open_web_socket(server.addr()).await;
    server.terminate();
    assert_eq!(socket.closed().await, Outcome::Answered);
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn a_pooled_client_is_answered_up_to_the_moment_it_is_refused() {
    let mut server = start("500").await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let uri = format!("http://{}/", server.addr());
    let get = async || {
        let response = client.get(uri.parse().unwrap()).await?;
        let status = response.status();
        response.into_body().collect().await.unwrap();
        Ok::<_, hyper_util::client::legacy::Error>(status)
    };
    assert_eq!(get().await.unwrap(), 200);
    server.terminate();
    server.logged("lameduck.entered").await;
    let mut statuses = Vec::new();
    let refused = loop {
        match get().await {
            Ok(status) => statuses.push(status),
            Err(error) => break error,
        }
        sleep(Duration::from_millis(5)).await;
    };
    // Every failure is a failed connect: nothing was sent.
    assert!(refused.is_connect(), "{refused:?}");
    assert!(statuses.iter().all(|status| *status == 200 || *status == 503), "{statuses:?}");
    assert!(statuses.len() > 10, "{statuses:?}");
    server.stopped().await.assert_clean();
}
