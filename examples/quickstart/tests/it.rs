//! What the README's first example does: the real binary, a real SIGTERM.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::time::Duration;

use lameduck_test_support::TestServer;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

async fn get(server: &TestServer, path: &str) -> String {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(Duration::from_secs(20), read).await.expect("an answer").unwrap();
    answer
}

#[tokio::test]
async fn it_serves_is_ready_at_once_and_stops_cleanly_with_its_hook() {
    let mut server = TestServer::start_on_free_port(env!("CARGO_BIN_EXE_quickstart")).await;
    for path in ["/", "/readyz", "/livez"] {
        let answer = get(&server, path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(path != "/" || answer.ends_with("hello"), "{answer}");
    }
    server.terminate();
    server.logged("lameduck.entered").await;
    assert!(get(&server, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(get(&server, "/").await.starts_with("HTTP/1.1 200"));
    let stopped = server.stopped().await;
    stopped.assert_clean();
    assert_eq!(stopped.event("hook.finished")["name"], "database", "{:#?}", stopped.log);
}

/// The lines of the program that the README leaves out.
const ONLY_HERE: [&str; 2] = ["    tracing_subscriber::", "    let addr = "];

#[test]
fn the_program_is_the_first_example_of_the_readme() {
    let readme = include_str!("../../../README.md");
    let example = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let program: String = include_str!("../src/main.rs")
        .split_inclusive('\n')
        .filter(|line| !line.starts_with("//!"))
        .filter(|line| !ONLY_HERE.iter().any(|only| line.starts_with(only)))
        .collect();
    let program = program.replace("serve(addr,", "serve(\"0.0.0.0:8080\",");
    assert_eq!(program.trim(), example.unwrap().trim());
}
