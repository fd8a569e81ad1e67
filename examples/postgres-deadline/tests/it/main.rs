//! A query whose request ends before it.
#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::time::{Duration, Instant};

use lameduck_test_support::TestServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use self::postgres::Postgres;

mod postgres;

const BOUND: Duration = Duration::from_secs(20);

/// The limit of the example's requests.
const LIMIT: Duration = Duration::from_secs(1);

async fn start() -> (Postgres, TestServer) {
    let postgres = Postgres::start().await;
    let program = env!("CARGO_BIN_EXE_postgres-deadline");
    let server = TestServer::start(program, ["--database", &postgres.config()]).await;
    (postgres, server)
}

/// Sends a request for a query that takes so many seconds.
async fn ask(server: &TestServer, seconds: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    let head = format!("GET /sleep/{seconds} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    timeout(BOUND, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// The only connection is free, without an answer to come.
async fn check_free(server: &TestServer) {
    for _ in 0..3 {
        let answer = answer(ask(server, "0.01").await).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("1 row"), "{answer}");
    }
}

/// Waits until so many queries run in the database, by its own count.
async fn wait_for_queries(postgres: &Postgres, expected: i64) -> Duration {
    let client = postgres.connect().await.unwrap();
    let began = now();
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'";
    let wait = async {
        while client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) != expected {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(BOUND, wait).await.unwrap_or_else(|_| panic!("never {expected} queries"));
    began.elapsed()
}

#[expect(clippy::disallowed_methods, reason = "the time of a database, which no test pauses")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_ended_by_the_database_and_answered_504() {
    let (postgres, server) = start().await;
    let began = now();
    let answer = answer(ask(&server, "60").await).await;
    let took = began.elapsed();
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    assert!(answer.contains("the database ended the query"), "{answer}");
    assert!(took > LIMIT / 2 && took < 2 * LIMIT, "{took:?}");
    wait_for_queries(&postgres, 0).await;
    check_free(&server).await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_query_and_frees_the_connection() {
    let (postgres, server) = start().await;
    // Each takes less than the limit, at which the query would end in any case.
    for _ in 0..3 {
        let stream = ask(&server, "60").await;
        wait_for_queries(&postgres, 1).await;
        drop(stream);
        let took = wait_for_queries(&postgres, 0).await;
        assert!(took < LIMIT / 2, "{took:?}");
    }
    check_free(&server).await;
}

#[tokio::test]
async fn a_request_waits_for_a_connection_no_longer_than_its_limit() {
    let (postgres, server) = start().await;
    let first = ask(&server, "60").await;
    wait_for_queries(&postgres, 1).await;
    let began = now();
    // It depends on the machine whether the first one ends soon enough for this one.
    let second = answer(ask(&server, "0.01").await).await;
    let took = began.elapsed();
    let is_answered = ["HTTP/1.1 200", "HTTP/1.1 504"].iter().any(|head| second.starts_with(head));
    assert!(is_answered && took < 2 * LIMIT, "{took:?}: {second}");
    assert!(answer(first).await.starts_with("HTTP/1.1 504"));
    check_free(&server).await;
}
