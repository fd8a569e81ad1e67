//! What gRPC clients get when the server stops.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use lameduck_drill::silent_connection;
use lameduck_test_support::TestServer;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tonic::{Code, Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use self::pond::{Name, Start, pond_client::PondClient};

#[allow(dead_code, reason = "the server uses the rest")]
#[path = "../src/pond.rs"]
mod pond;

const BOUND: Duration = Duration::from_secs(20);

async fn start(lame_duck_ms: &str) -> TestServer {
    TestServer::start(env!("CARGO_BIN_EXE_tonic-grpc"), ["--lame-duck", lame_duck_ms]).await
}

async fn connect(server: &TestServer) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", server.addr())).unwrap();
    endpoint.connect().await.unwrap()
}

async fn greet(pond: &mut PondClient<Channel>) -> Result<String, Status> {
    let call = pond.greet(Name { name: "duck".to_owned() });
    let greeting = timeout(BOUND, call).await.expect("the call never ends")?;
    Ok(greeting.into_inner().text)
}

#[tokio::test]
async fn health_says_not_serving_while_calls_are_still_served() {
    let mut server = start("1000").await;
    let channel = connect(&server).await;
    let mut pond = PondClient::new(channel.clone());
    assert_eq!(greet(&mut pond).await.unwrap(), "hello duck at 127.0.0.1");
    let mut health = HealthClient::new(channel);
    let mut status = async || {
        let answer = health.check(HealthCheckRequest::default()).await.unwrap();
        answer.into_inner().status()
    };
    assert_eq!(status().await, ServingStatus::Serving);
    server.terminate();
    server.logged("lameduck.entered").await;
    let reported = async { while status().await != ServingStatus::NotServing {} };
    timeout(Duration::from_millis(500), reported).await.expect("health never reports it");
    assert_eq!(greet(&mut pond).await.unwrap(), "hello duck at 127.0.0.1");
    let stopped = server.stopped().await;
    stopped.assert_clean();
    // The connection is idle and got a GOAWAY, so the stop waits for nothing after lame duck.
    assert!(stopped.waited < Duration::from_millis(2_000), "{:?}", stopped.waited);
}

#[tokio::test]
async fn a_health_watch_reports_the_stop_and_does_not_delay_it() {
    let server = start("300").await;
    let mut health = HealthClient::new(connect(&server).await);
    let watch = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut watch = watch.into_inner();
    let mut next = async || timeout(BOUND, watch.message()).await.unwrap().unwrap();
    assert_eq!(next().await.unwrap().status(), ServingStatus::Serving);
    server.terminate();
    assert_eq!(next().await.unwrap().status(), ServingStatus::NotServing);
    assert_eq!(next().await, None, "the watch never ends");
    let stopped = server.stopped().await;
    stopped.assert_clean();
    assert!(stopped.waited < Duration::from_secs(3), "{:?}", stopped.waited);
}

#[tokio::test]
async fn a_stream_ends_with_unavailable_after_its_last_item() {
    let server = start("300").await;
    let mut pond = PondClient::new(connect(&server).await);
    let mut ticks = pond.tick(Start { first: 7 }).await.unwrap().into_inner();
    let mut expected = 7..;
    let mut terminated = false;
    let last = loop {
        match timeout(BOUND, ticks.message()).await.unwrap() {
            Ok(tick) => assert_eq!(tick.unwrap().number, expected.next().unwrap()),
            Err(status) => break status,
        }
        if !terminated {
            server.terminate();
            terminated = true;
        }
    };
    assert_eq!((last.code(), last.message()), (Code::Unavailable, "the server is stopping"));
    // About 0.3 s of ticks.
    assert!(expected.start > 9, "{expected:?}");
    server.stopped().await.assert_clean();
}

/// A call without tonic: the headers of the answer, and whether a body follows.
async fn raw_call(send: &h2::client::SendRequest<Bytes>) -> (http::HeaderMap, bool) {
    let request = http::Request::post("http://duck/duck.Pond/Greet")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (answer, mut body) =
        send.clone().ready().await.unwrap().send_request(request, false).unwrap();
    body.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
    let answer = timeout(BOUND, answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let (head, body) = answer.into_parts();
    (head.headers, !body.is_end_stream())
}

#[tokio::test]
async fn a_call_that_comes_too_late_is_unavailable_in_trailers_only() {
    let mut server = start("0").await;
    let tcp = TcpStream::connect(server.addr()).await.unwrap();
    let (send, connection) = h2::client::handshake(tcp).await.unwrap();
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let (head, has_body) = raw_call(&send).await;
    assert!(has_body && !head.contains_key("grpc-status"), "{head:?}");
    // A connection without a byte delays tonic's shutdown signal by its grace of a second. In that
    // second the other connections are still open, and their calls are rejected.
    let silent = silent_connection(server.addr()).await;
    let (_, _) = raw_call(&send).await; // answered, so the silent connection is accepted too
    server.terminate();
    server.logged("drain.started").await;
    let (head, has_body) = raw_call(&send).await;
    assert_eq!(head["grpc-status"], "14", "{head:?}");
    assert!(!has_body, "it has a body, so the call may have been executed");
    drop((silent, send));
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn no_call_through_a_stop_runs_without_its_answer() {
    for lame_duck_ms in ["300", "0"] {
        let server = start(lame_duck_ms).await;
        let (mut callers, answered) = (JoinSet::new(), Arc::new(AtomicU64::new(0)));
        for _ in 0..16 {
            let answered = Arc::clone(&answered);
            let mut pond = PondClient::new(connect(&server).await);
            callers.spawn(async move {
                loop {
                    match greet(&mut pond).await {
                        Ok(_) => answered.fetch_add(1, Ordering::Relaxed),
                        Err(status) => break status,
                    };
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        }
        let loaded = async {
            while answered.load(Ordering::Relaxed) < 200 {
                assert!(callers.try_join_next().is_none(), "a call failed before the stop");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(BOUND, loaded).await.expect("the calls are too slow");
        server.terminate();
        let stopped = server.stopped().await;
        stopped.assert_clean();
        let ends = callers.join_all().await;
        // A call that meets the GOAWAY before it is sent gets another code from tonic's client,
        // which does not say that nothing was sent. The guest book shows that it did not run.
        let never_ran = [Code::Unavailable, Code::Internal, Code::Cancelled];
        assert!(ends.iter().all(|status| never_ran.contains(&status.code())), "{ends:?}");
        let answered = answered.load(Ordering::Relaxed);
        assert_eq!(stopped.number("guest_book.closed", "greeted"), answered, "{ends:?}");
    }
}
