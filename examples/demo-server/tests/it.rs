//! What clients of the demo server get when it stops: the real binary, real signals and sockets.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::time::Duration;

use lameduck_drill::{
    LossReason, Outcome, burst_in_accept_queue, finish_all, half_head, idle_connection,
    open_web_socket, sent_request, silent_connection, silent_http2_peer, unread_download,
};
use lameduck_test_support::TestServer;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

/// Stop timeouts in milliseconds, short enough for a test: lame duck, drain, cancel.
const QUICK: [u64; 3] = [300, 5_000, 500];

/// A demo server with these stop timeouts, after its start hooks.
async fn start(timeouts: [u64; 3]) -> TestServer {
    let [lame_duck, drain, cancel] = timeouts.map(|ms| ms.to_string());
    let args = ["--lame-duck", &lame_duck, "--drain", &drain, "--cancel", &cancel];
    let server = TestServer::start(env!("CARGO_BIN_EXE_demo-server"), args).await;
    // The first answer comes after the start hooks.
    drop(idle_connection(server.addr()).await);
    server
}

#[tokio::test]
async fn every_request_in_the_accept_queue_at_sigterm_is_answered() {
    // Long enough for a busy machine to serve 200 requests.
    for lame_duck in [2_000, 0] {
        let server = start([lame_duck, 5_000, 500]).await;
        // A paused server does not accept: all connections stay in its queue.
        server.pause();
        let burst = burst_in_accept_queue(server.addr(), 200).await;
        server.terminate();
        server.resume();
        let verdict = finish_all(burst).await;
        let total = verdict.total;
        // Without a lame duck the server rejects them, and no client is left without an answer.
        assert!(lame_duck == 0 || total.answered == 200, "{verdict}");
        assert_eq!(total.answered + total.rejected, 200, "{verdict}");
        server.stopped().await.assert_clean();
    }
}

#[tokio::test]
async fn a_download_that_was_not_read_at_sigterm_arrives_whole() {
    let server = start(QUICK).await;
    let download = unread_download(server.addr(), 16 * 1024 * 1024).await;
    server.terminate();
    // Lame duck is over by then. The drain waits for the bytes, not only for the handler.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(download.finish().await, Outcome::Answered);
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn a_web_socket_open_at_sigterm_receives_1001_and_is_waited_for_and_counted() {
    let server = start(QUICK).await;
    let socket = open_web_socket(server.addr()).await;
    server.terminate();
    assert_eq!(socket.closed().await, Outcome::Answered);
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn a_request_that_runs_at_sigterm_is_answered_and_the_exit_follows_it_at_once() {
    let server = start(QUICK).await;
    let request = sent_request(server.addr(), Duration::from_secs(2)).await;
    server.terminate();
    assert_eq!(request.finish().await, Outcome::Answered);
    let stopped = server.stopped().await;
    stopped.assert_clean();
    // The drain had three more seconds. The bound allows for a busy machine, not for polling.
    assert!(stopped.waited < Duration::from_millis(500), "{:?}", stopped.waited);
}

#[tokio::test]
async fn an_idle_server_exits_when_its_lame_duck_is_over() {
    let server = start(QUICK).await;
    server.terminate();
    let stopped = server.stopped().await;
    stopped.assert_clean();
    let done = stopped.number("shutdown.completed", "elapsed_ms");
    let draining = stopped.number("drain.started", "elapsed_ms");
    assert!((300..400).contains(&draining), "{draining}");
    // The promise is 20 ms. The rest allows for a busy machine.
    assert!(done - draining < 100, "{} ms", done - draining);
}

#[tokio::test]
async fn a_request_on_an_idle_connection_during_lame_duck_is_answered() {
    let mut server = start([1_000, 5_000, 500]).await;
    let idle = idle_connection(server.addr()).await;
    server.terminate();
    server.logged("lameduck.entered").await;
    assert_eq!(idle.finish().await, Outcome::Answered);
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn a_handler_that_never_ends_is_named_and_the_process_exits_within_its_timeouts() {
    // With a lame duck, the request is accepted even if the server reads it after SIGTERM.
    let server = start([500, 1_000, 500]).await;
    let stuck = sent_request(server.addr(), Duration::from_secs(3_600)).await;
    server.terminate();
    let (outcome, stopped) = tokio::join!(stuck.finish(), server.stopped());
    stopped.assert_adds_up();
    assert_eq!(stopped.code, Some(1));
    // lame duck 0.5 s, drain 1 s, cancel 0.5 s, force 1 s, hooks 4 s.
    assert!(stopped.waited < Duration::from_millis(7_000), "{:?}", stopped.waited);
    let forced = stopped.event("shutdown.forced")["blockers"].as_str().unwrap();
    assert!(forced.contains("GET /slow"), "{forced}");
    // The answer does not say that the client may retry, because the handler had started.
    assert_eq!(outcome, Outcome::Lost(LossReason::NoRetryAfter));
}

#[tokio::test]
async fn peers_that_never_answer_cannot_delay_the_exit_and_are_named() {
    let server = start([0, 3_000, 500]).await;
    let http2 = silent_http2_peer(server.addr()).await.unwrap();
    let head = half_head(server.addr()).await;
    let silent = silent_connection(server.addr()).await;
    let began = Instant::now();
    server.terminate();
    let stopped = server.stopped().await;
    stopped.assert_adds_up();
    assert!(began.elapsed() < Duration::from_millis(8_500), "{:?}", began.elapsed());
    let named = stopped.events("drain.progress");
    assert!(
        named.iter().any(|event| event["oldest"].as_str().unwrap().contains("http/2")),
        "{named:?}"
    );
    drop((http2, head, silent));
}

#[tokio::test]
async fn a_second_sigterm_cancels_and_a_third_forces() {
    let mut server = start([7_000, 7_000, 7_000]).await;
    let stuck = sent_request(server.addr(), Duration::from_secs(3_600)).await;
    for event in ["lameduck.entered", "shutdown.cancelling", "shutdown.forced"] {
        server.terminate();
        server.logged(event).await;
        // A signal within a second counts as an echo of the one before.
        sleep(Duration::from_millis(1_100)).await;
    }
    let stopped = server.stopped().await;
    stopped.assert_adds_up();
    assert_eq!(stopped.code, Some(1));
    drop(stuck);
}

/// Raises the limit of open files for this process and its children, as far as the system allows.
/// Returns for how many connections that is enough.
fn room_for_connections() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    limit.current.map_or(usize::MAX, |files| usize::try_from(files).unwrap().saturating_sub(500))
}

#[tokio::test]
async fn ten_thousand_idle_connections_do_not_keep_the_process_beyond_its_timeouts() {
    let count = room_for_connections().min(10_000);
    assert!(count >= 500, "the system allows too few files: `ulimit -Hn` is below 1000");
    let server = start(QUICK).await;
    let mut idle = Vec::new();
    for _ in 0..count {
        idle.push(idle_connection(server.addr()).await);
    }
    let asked = Instant::now();
    server.terminate();
    let stopped = server.stopped().await;
    // All timeouts together, with 4 s for the hooks, and a second for a busy machine.
    let timeouts = Duration::from_millis(QUICK.iter().sum::<u64>() + 1_000 + 4_000 + 1_000);
    assert!(asked.elapsed() < timeouts, "{count} idle connections took {:?}", asked.elapsed());
    stopped.assert_clean();
    for mut connection in idle {
        assert!(connection.closed(Duration::from_secs(5)).await, "left open");
    }
}

#[tokio::test]
async fn a_sigterm_that_is_sent_twice_at_once_is_one_sigterm() {
    let mut server = start([1_000, 5_000, 500]).await;
    server.terminate();
    server.logged("lameduck.entered").await;
    server.terminate();
    let stopped = server.stopped().await;
    stopped.assert_clean();
    assert!(stopped.events("shutdown.cancelling").is_empty());
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_it_and_nothing_runs() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_demo-server"))
        .args(["--addr", &addr])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains(&addr) && stderr.contains("in use"), "{stderr}");
    assert!(!stderr.contains("hook.started"), "{stderr}");
}

#[tokio::test]
async fn timeouts_over_their_budget_are_an_error_that_names_both_sums() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo-server"))
        .args(["--lame-duck", "20000"])
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("add up to 43s") && stderr.contains("budget is 28s"), "{stderr}");
}
