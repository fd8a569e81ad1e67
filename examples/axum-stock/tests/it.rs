//! What curl and clients that keep their connections get when the server is stopped.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use lameduck_drill::{Kind, Oracle};
use lameduck_test_support::TestServer;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, Command},
    time::sleep,
};

/// Long enough for a busy machine to start a curl in it.
const LAME_DUCK: &str = "1500";

/// curl's exit code for a connection that was refused.
const REFUSED: i32 = 7;

async fn start() -> TestServer {
    TestServer::start(env!("CARGO_BIN_EXE_axum-stock"), ["--lame-duck", LAME_DUCK]).await
}

/// A curl that runs: a request on a connection of its own.
fn curl(server: &TestServer, path: &str) -> Child {
    Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--verbose",
            "--noproxy",
            "*",
            "--include",
            "--max-time",
            "30",
        ])
        .arg(format!("http://{}{path}", server.addr()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("this test needs `curl`")
}

async fn curled(server: &TestServer, path: &str) -> Output {
    curl(server, path).wait_with_output().await.unwrap()
}

/// Waits until a curl has sent its request, as it says itself.
async fn sent(mut curl: Child) -> (Child, Lines<BufReader<ChildStderr>>) {
    let mut log = BufReader::new(curl.stderr.take().unwrap()).lines();
    while let Some(line) = log.next_line().await.unwrap() {
        if line.starts_with("> GET ") {
            return (curl, log);
        }
    }
    panic!("curl ended before it had sent anything");
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn curl_is_served_and_notified_then_answered_and_later_refused() {
    let mut server = start().await;
    let before = text(&curled(&server, "/").await);
    assert!(before.starts_with("HTTP/1.1 200") && !before.contains("connection: close"));
    assert!(text(&curled(&server, "/readyz").await).starts_with("HTTP/1.1 200"));

    let (slow, _log) = sent(curl(&server, "/slow?ms=3000")).await;
    server.terminate();
    server.logged("lameduck.entered").await;
    let notified = text(&curled(&server, "/").await);
    assert!(
        notified.starts_with("HTTP/1.1 200") && notified.contains("connection: close"),
        "{notified}"
    );
    assert!(notified.ends_with("hello\n"), "{notified}");
    assert!(text(&curled(&server, "/readyz").await).starts_with("HTTP/1.1 503"));

    server.logged("listener.closed").await;
    assert_eq!(curled(&server, "/").await.status.code(), Some(REFUSED));
    let (slow, stopped) = tokio::join!(slow.wait_with_output(), server.stopped());
    let slow = text(&slow.unwrap());
    assert!(slow.starts_with("HTTP/1.1 200") && slow.ends_with("slept 3000 ms"), "{slow}");
    stopped.assert_clean();
}

#[tokio::test]
async fn clients_that_keep_their_connections_and_clients_that_do_not_lose_nothing() {
    let server = start().await;
    let load = Oracle::new(server.addr())
        .with_client(Kind::KeepAlive, 16)
        .with_client(Kind::NewConnection, 8)
        .with_client(Kind::SlowHandler, 8)
        .start();
    load.each_scenario_answered().await;
    sleep(Duration::from_millis(300)).await;
    server.terminate();
    server.stopped().await.assert_clean();
    let verdict = load.finish().await;
    assert!(verdict.is_clean(), "{verdict}");
    assert!(verdict.by_scenario.iter().all(|(_, counts)| counts.answered > 0), "{verdict}");
}
