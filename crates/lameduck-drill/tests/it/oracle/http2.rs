//! How an HTTP/2 stream may end.

use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, server};
use lameduck_drill::{Kind, LossReason, Oracle, Verdict, silent_http2_peer};
use tokio::net::{TcpListener, TcpStream};

use super::server::Server;

/// What a server does with the first stream of each connection.
#[derive(Clone, Copy)]
enum Deed {
    Reject,
    RejectGrpc,
    /// `grpc-status: 14` in a head without a body, with this pushback.
    PushBack(&'static str),
    /// `grpc-status: 14` in a head of this status, with a body after it.
    FailGrpc(u16),
    /// A part of a body, and `grpc-status: 14` in the trailers.
    FailGrpcLate,
    Reset(Reason),
    GoAway,
    Cut,
    CutBody,
}

async fn serve(stream: TcpStream, deed: Deed) -> Option<()> {
    let mut connection = server::handshake(stream).await.ok()?;
    // A GOAWAY before the first stream is read names 0 as the last stream.
    if let Deed::GoAway = deed {
        connection.abrupt_shutdown(Reason::NO_ERROR);
        while connection.accept().await.is_some() {}
        return None;
    }
    let (_, mut respond) = connection.accept().await?.ok()?;
    let response = http::Response::builder();
    match deed {
        Deed::Reject => {
            let response = response.status(503).header("retry-after", "1");
            respond.send_response(response.body(()).ok()?, true).ok()?;
        }
        Deed::RejectGrpc => {
            let response = response.header("grpc-status", "14");
            respond.send_response(response.body(()).ok()?, true).ok()?;
        }
        Deed::PushBack(time) => {
            let response = response.header("grpc-status", "14");
            let response = response.header("grpc-retry-pushback-ms", time);
            respond.send_response(response.body(()).ok()?, true).ok()?;
        }
        Deed::FailGrpc(status) => {
            let response = response.status(status).header("grpc-status", "14");
            let mut body = respond.send_response(response.body(()).ok()?, false).ok()?;
            body.send_data(Bytes::from_static(b""), true).ok()?;
        }
        Deed::FailGrpcLate => {
            let mut body = respond.send_response(response.body(()).ok()?, false).ok()?;
            // The byte is right for a download, so it is not the reason of the loss.
            body.send_data(Bytes::from_static(b"\0"), false).ok()?;
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("14"));
            body.send_trailers(trailers).ok()?;
        }
        Deed::Reset(reason) => respond.send_reset(reason),
        Deed::CutBody => {
            let mut body = respond.send_response(response.body(()).ok()?, false).ok()?;
            body.send_data(Bytes::from_static(b"\0"), false).ok()?;
            let more = tokio::time::timeout(Duration::from_millis(50), connection.accept());
            let _ = more.await;
            return None;
        }
        Deed::Cut | Deed::GoAway => return None,
    }
    while connection.accept().await.is_some() {}
    None
}

/// Loads a server until some streams have ended.
async fn load(deed: Deed) -> Verdict {
    let server = Server::each_connection(move |stream: TcpStream| async move {
        let _ = serve(stream, deed).await;
    })
    .await;
    let mut oracle = Oracle::new(server.addr).with_client(Kind::Http2, 2);
    oracle.time_limit = Duration::from_millis(500);
    let running = oracle.start();
    while running.snapshot().total.sent < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.finish().await
}

#[tokio::test]
async fn a_stream_that_was_not_processed_is_rejected() {
    let refused = Deed::Reset(Reason::REFUSED_STREAM);
    for deed in [Deed::Reject, Deed::RejectGrpc, Deed::PushBack("1000"), refused] {
        let verdict = load(deed).await;
        assert!(verdict.total.rejected > 0, "{verdict}");
    }
}

#[tokio::test]
async fn a_grpc_call_that_is_unavailable_but_may_have_run_is_lost() {
    let deeds = [
        (Deed::PushBack("-1"), LossReason::GrpcUnavailable),
        (Deed::PushBack("soon"), LossReason::GrpcUnavailable),
        (Deed::FailGrpc(200), LossReason::GrpcUnavailable),
        (Deed::FailGrpc(500), LossReason::WrongStatus(500)),
        (Deed::FailGrpcLate, LossReason::GrpcUnavailable),
    ];
    for (deed, reason) in deeds {
        let verdict = load(deed).await;
        assert!(verdict.losses.iter().any(|loss| loss.reason == reason), "{verdict}");
        assert_eq!(verdict.total.rejected, 0, "{verdict}");
        assert_eq!(verdict.total.answered, 0, "{verdict}");
    }
}

#[tokio::test]
async fn a_stream_above_the_last_one_of_a_goaway_is_not_lost() {
    let verdict = load(Deed::GoAway).await;
    assert_eq!(verdict.total.lost, 0, "{verdict}");
    assert!(verdict.total.rejected + verdict.total.refused > 0, "{verdict}");
}

#[tokio::test]
async fn a_stream_that_is_reset_is_lost() {
    let verdict = load(Deed::Reset(Reason::INTERNAL_ERROR)).await;
    let reason = LossReason::StreamReset(Reason::INTERNAL_ERROR.into());
    assert!(verdict.losses.iter().any(|loss| loss.reason == reason), "{verdict}");
}

#[tokio::test]
async fn a_connection_that_is_cut_loses_its_streams() {
    let verdict = load(Deed::Cut).await;
    let reason = LossReason::ClosedUnanswered;
    assert!(verdict.losses.iter().any(|loss| loss.reason == reason), "{verdict}");
}

#[tokio::test]
async fn a_body_that_is_cut_is_lost() {
    let verdict = load(Deed::CutBody).await;
    let is_cut = |reason| matches!(reason, LossReason::TruncatedBody { .. });
    assert!(verdict.losses.iter().any(|loss| is_cut(loss.reason)), "{verdict}");
}

#[tokio::test]
async fn a_silent_http2_peer_keeps_its_connection_open() {
    let server = Server::start(async |listener: TcpListener| {
        let app = lameduck_drill::app(std::future::pending::<()>);
        let _ = axum::serve(listener, app).await;
    })
    .await;
    let mut peer = silent_http2_peer(server.addr).await.expect("the server listens");
    assert!(!peer.closed(Duration::from_millis(100)).await);
}
