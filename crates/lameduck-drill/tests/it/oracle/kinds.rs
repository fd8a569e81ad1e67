//! The scenarios of event streams and uploads.

use std::time::Duration;

use lameduck_drill::{Kind, LossReason, Oracle, Outcome, Verdict, half_body};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::server::{Server, Then, read_head};

/// Loads a server with two clients of a kind, until both have an outcome.
async fn load(kind: Kind, server: Server) -> Verdict {
    let running = Oracle::new(server.addr).with_client(kind, 2).start();
    while running.snapshot().total.sent < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.finish().await
}

/// Loads a server that answers each request with this stream of events.
async fn check_events(stream: &str, wrong_at: Option<u64>) {
    let length = stream.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{stream}");
    let server = Server::answering([(&*answer.leak(), Then::Close)]).await;
    let verdict = load(Kind::Sse, server).await;
    match wrong_at {
        None => assert_eq!(verdict.total.answered, verdict.total.sent, "{stream:?}: {verdict}"),
        Some(offset) => {
            assert_eq!(verdict.total.lost, verdict.total.sent, "{stream:?}: {verdict}");
            let reason = LossReason::WrongBody { offset };
            assert!(verdict.losses.iter().all(|loss| loss.reason == reason), "{verdict}");
        }
    }
}

#[tokio::test]
async fn a_stream_of_events_that_ends_early_but_cleanly_is_answered() {
    check_events("", None).await;
    check_events("data: 0\n\ndata: 1\n\n", None).await;
    check_events(": hello\n\ndata:0\n\nevent: last\ndata: bye\n\nretry: 9\n\n", None).await;
}

#[tokio::test]
async fn a_stream_of_events_with_a_gap_or_a_torn_event_is_lost() {
    check_events("data: 1\n\n", Some(0)).await;
    check_events("data: 0\n\ndata: 2\n\n", Some(9)).await;
    check_events("data: 0\n\ndata: 1\n", Some(9)).await;
}

#[tokio::test]
async fn a_stream_of_more_events_than_were_asked_for_is_lost() {
    let stream: String = (0..41).map(|number| format!("data: {number}\n\n")).collect();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{stream}", stream.len());
    let server = Server::answering([(&*answer.leak(), Then::Close)]).await;
    let verdict = load(Kind::Sse, server).await;
    assert_eq!(verdict.total.lost, verdict.total.sent, "{verdict}");
}

#[tokio::test]
async fn an_upload_that_the_server_rejects_before_its_end_is_rejected() {
    let server = Server::each_connection(async |mut stream: TcpStream| {
        let answer = b"HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\nno";
        if read_head(&mut stream).await && stream.write_all(answer).await.is_ok() {
            // Reads on, because a reset would destroy the answer.
            while let Ok(1..) = stream.read(&mut [0; 1024]).await {}
        }
    })
    .await;
    let verdict = load(Kind::SlowUpload, server).await;
    assert_eq!(verdict.total.rejected, verdict.total.sent, "{verdict}");
}

#[tokio::test]
async fn an_upload_with_another_checksum_is_lost() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n26 0";
    let server = Server::answering([(answer, Then::Keep)]).await;
    let outcome = half_body(server.addr).await.finish().await;
    assert_eq!(outcome, Outcome::Lost(LossReason::WrongBody { offset: 3 }));
}
