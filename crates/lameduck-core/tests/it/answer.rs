//! The answers that layers give themselves.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use lameduck_core::{
    EitherBody,
    plumbing::{Answer, JsonValue, is_grpc},
};
use proptest::prelude::{any, prop_assert_eq, proptest};

type NoBody = Empty<Bytes>;

fn answer() -> Answer {
    Answer::new(StatusCode::SERVICE_UNAVAILABLE, "draining", "This server is stopping.")
        .with_data("retry_after", 3_u64)
}

async fn read<B: Body<Data = Bytes, Error = Infallible>>(response: Response<B>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn an_answer_is_a_problem_document_that_pages_can_read_too() {
    let response = answer().into_response().map(EitherBody::<NoBody>::from);
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let exact = response.body().size_hint().exact();
    let body = read(response).await;
    assert_eq!(exact, Some(body.len() as u64));
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["status"], 503);
    assert_eq!(json["title"], "Service Unavailable");
    assert_eq!(json["code"], "draining");
    assert_eq!(json["message"], "This server is stopping.");
    assert_eq!(json["data"]["retry_after"], 3);
}

#[test]
fn an_answer_to_grpc_has_its_status_in_the_head_and_no_body() {
    let response = answer().into_grpc_response(14).map(EitherBody::<NoBody>::from);
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/grpc");
    assert_eq!(response.headers()["grpc-status"], "14");
    assert!(response.body().is_end_stream());
}

#[test]
fn a_grpc_message_survives_characters_that_no_header_may_hold() {
    let answer = Answer::new(StatusCode::GATEWAY_TIMEOUT, "x", "50 % späť\r\nx: y");
    let response = answer.into_grpc_response(4);
    assert_eq!(response.headers()["grpc-message"], "50 %25 sp%C3%A4%C5%A5%0D%0Ax: y");
}

#[test]
fn only_grpc_itself_is_taken_for_grpc() {
    let check = |kind: &'static [u8], expected: bool| {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_bytes(kind).unwrap());
        assert_eq!(is_grpc(&headers), expected, "{}", kind.escape_ascii());
    };
    check(b"application/grpc", true);
    check(b"application/grpc+proto", true);
    check(b"application/grpc; charset=utf-8", true);
    check(b"application/grpc-web", false);
    check(b"application/grpc-web+proto", false);
    check(b"application/json", false);
    check(b"\xffapplication/grpc", false);
    assert!(!is_grpc(&HeaderMap::new()));
}

#[tokio::test]
async fn the_handlers_body_passes_through_unchanged() {
    let inner = EitherBody::inner(Full::new(Bytes::from_static(b"hello")));
    assert_eq!(inner.size_hint().exact(), Some(5));
    assert!(!inner.is_end_stream());
    assert_eq!(read(Response::new(inner)).await, "hello");
    assert!(EitherBody::inner(NoBody::new()).is_end_stream());
}

proptest! {
    #[test]
    fn an_answer_is_written_byte_for_byte_as_serde_json_writes_it(
        code in any::<String>(),
        message in "[\\x00-\\x7f\\u{80}-\\u{10ffff}]{0,20}",
        data in proptest::collection::vec((any::<String>(), any::<String>(), any::<u64>()), 0..4),
    ) {
        let mut answer =
            Answer::new(StatusCode::SERVICE_UNAVAILABLE, code.clone(), message.clone());
        let mut expected = serde_json::Map::new();
        for (name, text, number) in data {
            let is_text = number % 2 == 0;
            let value = if is_text { text.clone().into() } else { JsonValue::from(number) };
            answer = answer.with_data(name.clone(), value);
            expected.insert(name, if is_text { text.into() } else { number.into() });
        }
        let expected = serde_json::json!({
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "code": code,
            "message": message,
            "data": expected,
        });
        prop_assert_eq!(answer.to_json(), expected.to_string());
    }
}
