//! Each way in which an HTTP/1.1 server may fail has one outcome.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lameduck_drill::{
    Kind, LossReason, Oracle, Outcome, half_body, half_head, idle_connection, sent_request,
    silent_connection, unread_download,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::server::{Answer, Server, Then, listen, read_head};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Sends `GET /slow?ms=0` to a server that gives this answer.
#[track_caller]
fn check(text: &'static str, then: Then, expected: Outcome) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let answers: [Answer; 1] = [(text, then)];
        let server = Server::answering(answers).await;
        let outcome = sent_request(server.addr, Duration::ZERO).await.finish().await;
        assert_eq!(outcome, expected, "{text:?}, at {caller}");
    }
}

#[tokio::test]
async fn a_right_answer_is_answered() {
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nslept 0 ms",
        Then::Close,
        Outcome::Answered,
    )
    .await;
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   6\r\nslept \r\n4;x=y\r\n0 ms\r\n0\r\nx-trailer: yes\r\n\r\n";
    check(chunked, Then::Close, Outcome::Answered).await;
    let early = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n\
                 slept 0 ms";
    check(early, Then::Close, Outcome::Answered).await;
}

#[tokio::test]
async fn a_clean_503_is_rejected() {
    check(
        "HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 3\r\n\r\nno\n",
        Then::Close,
        Outcome::Rejected,
    )
    .await;
}

#[tokio::test]
async fn a_503_without_retry_after_is_lost() {
    check(
        "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
        Then::Close,
        Outcome::Lost(LossReason::NoRetryAfter),
    )
    .await;
}

#[tokio::test]
async fn a_503_that_is_cut_is_lost() {
    check(
        "HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 3\r\n\r\nn",
        Then::Close,
        Outcome::Lost(LossReason::TruncatedBody { received: 1 }),
    )
    .await;
}

#[tokio::test]
async fn another_status_is_lost() {
    check(
        "HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
        Then::Close,
        Outcome::Lost(LossReason::WrongStatus(500)),
    )
    .await;
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_lost() {
    check("", Then::Close, Outcome::Lost(LossReason::ClosedUnanswered)).await;
}

#[tokio::test]
async fn a_connection_reset_without_an_answer_is_lost() {
    check("", Then::Reset, Outcome::Lost(LossReason::Reset)).await;
}

#[tokio::test]
async fn a_head_that_is_cut_is_lost() {
    check("HTTP/1.1 200 O", Then::Close, Outcome::Lost(LossReason::TruncatedHead)).await;
}

#[tokio::test]
async fn a_reset_after_the_head_is_lost() {
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
        Then::Reset,
        Outcome::Lost(LossReason::Reset),
    )
    .await;
}

#[tokio::test]
async fn a_body_that_is_cut_is_lost() {
    let expected = Outcome::Lost(LossReason::TruncatedBody { received: 5 });
    check("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nslept", Then::Close, expected).await;
    let without_end = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nslept\r\n";
    check(without_end, Then::Close, expected).await;
}

#[tokio::test]
async fn a_whole_body_without_the_end_marker_of_its_chunks_is_lost() {
    let without_end = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\nslept 0 ms\r\n";
    check(without_end, Then::Close, Outcome::Lost(LossReason::TruncatedBody { received: 10 }))
        .await;
    let without_last_line = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                             a\r\nslept 0 ms\r\n0\r\n";
    check(
        without_last_line,
        Then::Close,
        Outcome::Lost(LossReason::TruncatedBody { received: 10 }),
    )
    .await;
}

#[tokio::test]
async fn a_body_that_ends_with_the_connection_is_lost() {
    check("HTTP/1.1 200 OK\r\n\r\nslept 0 ms", Then::Close, Outcome::Lost(LossReason::NoEndMarker))
        .await;
}

#[tokio::test]
async fn a_wrong_body_is_lost() {
    check(
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nslept 9 ms",
        Then::Close,
        Outcome::Lost(LossReason::WrongBody { offset: 6 }),
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_lost() {
    check(
        "SSH-2.0-no\r\n\r\n",
        Then::Close,
        Outcome::Lost(LossReason::Malformed("no status line")),
    )
    .await;
    check(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        Then::Close,
        Outcome::Lost(LossReason::Malformed("the size of a chunk")),
    )
    .await;
}

#[tokio::test]
async fn a_download_is_compared_byte_by_byte() {
    let wrong = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n\0\x01\x02\x09\x04";
    let server = Server::answering([(wrong, Then::Close)]).await;
    let outcome = unread_download(server.addr, 5).await.finish().await;
    assert_eq!(outcome, Outcome::Lost(LossReason::WrongBody { offset: 3 }));

    let short = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\0\x01\x02";
    let server = Server::answering([(short, Then::Close)]).await;
    let outcome = unread_download(server.addr, 5).await.finish().await;
    assert_eq!(outcome, Outcome::Lost(LossReason::WrongBody { offset: 3 }));

    let long = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\0\x01\x02";
    let server = Server::answering([(long, Then::Close)]).await;
    let outcome = unread_download(server.addr, 2).await.finish().await;
    assert_eq!(outcome, Outcome::Lost(LossReason::WrongBody { offset: 2 }));
}

#[tokio::test]
async fn an_idle_connection_that_is_closed_with_a_request_in_flight_is_lost() {
    let server = Server::answering([(OK, Then::Keep), ("", Then::Close)]).await;
    let held = idle_connection(server.addr).await;
    assert_eq!(held.finish().await, Outcome::Lost(LossReason::ClosedUnanswered));
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_before_is_refused() {
    let server = Server::answering([(OK, Then::Close)]).await;
    let mut held = idle_connection(server.addr).await;
    assert!(held.closed(Duration::from_secs(5)).await);
    assert_eq!(held.finish().await, Outcome::Refused);
}

#[tokio::test]
async fn nothing_is_written_after_connection_close() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: Close\r\ncontent-length: 2\r\n\r\nok";
    // A second request would be answered, so the test would notice it.
    let server = Server::answering([(closing, Then::Keep), (OK, Then::Keep)]).await;
    let held = idle_connection(server.addr).await;
    assert!(held.is_quiet(), "it is still open");
    assert_eq!(held.finish().await, Outcome::Refused);
}

#[tokio::test]
async fn a_port_without_a_listener_is_refused() {
    let (listener, addr) = listen().await;
    drop(listener);
    for held in [
        silent_connection(addr).await,
        half_head(addr).await,
        half_body(addr).await,
        idle_connection(addr).await,
        sent_request(addr, Duration::ZERO).await,
    ] {
        assert_eq!(held.finish().await, Outcome::Refused);
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_before_it_was_used_is_refused() {
    let server = Server::each_connection(async |stream: TcpStream| drop(stream)).await;
    let mut held = silent_connection(server.addr).await;
    assert!(held.closed(Duration::from_secs(5)).await);
    assert_eq!(held.finish().await, Outcome::Refused);
}

#[tokio::test]
async fn half_a_head_that_is_cut_is_lost() {
    let server = Server::each_connection(async |stream: TcpStream| drop(stream)).await;
    let mut held = half_head(server.addr).await;
    assert!(held.closed(Duration::from_secs(5)).await);
    assert!(matches!(held.finish().await, Outcome::Lost(_)));
}

#[tokio::test]
async fn a_request_without_an_answer_is_lost_when_its_time_is_over() {
    let server = Server::answering(Vec::new()).await;
    let mut oracle = Oracle::new(server.addr).with_client(Kind::NewConnection, 2);
    oracle.time_limit = Duration::from_millis(100);
    let running = oracle.start();
    let begins = async {
        while running.snapshot().open == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), begins).await.expect("a client begins");
    let verdict = running.finish().await;
    assert!(verdict.total.lost > 0 && verdict.total.lost == verdict.total.sent, "{verdict}");
    assert!(verdict.losses.iter().all(|loss| loss.reason == LossReason::TimedOut), "{verdict}");
}

/// Of four connections, the server answers one, cuts one in the body, resets one after the head,
/// and rejects one. It counts what it does.
#[tokio::test]
async fn the_oracle_counts_exactly_what_the_server_did() {
    const CUT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no";
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    const REJECTED: &str = "HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
    let done: Arc<[AtomicU64; 4]> = Arc::default();
    let books = Arc::clone(&done);
    let next = AtomicU64::new(0);
    let server = Server::each_connection(move |mut stream: TcpStream| {
        let (deed, books) = (next.fetch_add(1, Ordering::SeqCst) % 4, Arc::clone(&books));
        async move {
            if !read_head(&mut stream).await {
                return;
            }
            books[deed as usize].fetch_add(1, Ordering::SeqCst);
            let text = [OK, CUT, HEAD, REJECTED][deed as usize];
            let _ = stream.write_all(text.as_bytes()).await;
            if deed == 2 {
                super::server::reset(&stream).await;
            }
        }
    })
    .await;

    let mut oracle = Oracle::new(server.addr).with_client(Kind::NewConnection, 8);
    oracle.seed = 7;
    let running = oracle.start();
    while running.snapshot().total.sent < 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let verdict = running.finish().await;

    let done = [0, 1, 2, 3].map(|deed: usize| done[deed].load(Ordering::SeqCst));
    let reason = |reason| verdict.losses.iter().filter(|loss| loss.reason == reason).count() as u64;
    let cut = reason(LossReason::TruncatedBody { received: 1 });
    let seen = [verdict.total.answered, cut, reason(LossReason::Reset), verdict.total.rejected];
    assert_eq!(seen, done, "{verdict}");
    assert_eq!(verdict.total.lost, done[1] + done[2]);
    assert_eq!(verdict.total.sent, done.iter().sum::<u64>());
    assert!(!verdict.is_clean());
}
