//! A request in flight, as a line of a log.

use crate::support::{answer, data, frame, request, stream_of, with_ledger};
use http::{HeaderValue, Method, Request, Response};
use lameduck_inflight::RequestStage;

/// The line for a guard of this name, without its age.
fn line(name: &str) -> String {
    let in_flight = with_ledger();
    let _guard = in_flight.enter_named(name);
    let line = in_flight.blockers()[0].to_string();
    let (line, age) = line.rsplit_once(' ').expect("an age");
    check_age(age);
    line.to_owned()
}

/// Some seconds at the most, to the millisecond.
#[track_caller]
fn check_age(age: &str) {
    let (seconds, millis) = age.split_once('.').expect("seconds");
    assert!(seconds.len() == 1 && millis.len() == 4 && millis.ends_with('s'), "{age}");
}

#[test]
fn a_line_says_what_how_far_how_long_and_whose() {
    let in_flight = with_ledger();
    let mut export = request(Method::GET, "/export?token=secret");
    export.headers_mut().insert("x-request-id", HeaderValue::from_static("7f3a"));
    let response = Response::new(stream_of(vec![data("1234"), data("5")]));
    let mut body = answer(&in_flight, export, response).into_body();
    assert!(frame(&mut body).is_some());
    let shown = in_flight.blockers()[0].to_string();
    let parts: Vec<_> = shown.split(' ').collect();
    let ["GET", "/export", "body", age, "sent=4", "id=7f3a"] = parts[..] else { panic!("{shown}") };
    check_age(age);
    let debug = format!("{:?}", in_flight.blockers()[0]);
    assert!(debug.contains("/export") && !debug.contains("secret"), "{debug}");
}

#[test]
fn a_guard_is_shown_by_its_name() {
    assert_eq!(line("websocket /chat"), "websocket /chat guard");
}

#[test]
fn a_line_is_one_line_of_printable_ascii() {
    let forged = "a\r\nshutdown.completed\tb\\ \u{202e}\u{0}\x1b[2J é";
    let expected = r"a\r\nshutdown.completed\tb\\ \u{202e}\u{0}\u{1b}[2J \u{e9} guard";
    assert_eq!(line(forged), expected);
}

#[test]
fn a_line_is_bounded() {
    let whole = "x".repeat(128);
    assert_eq!(line(&whole), format!("{whole} guard"));
    assert_eq!(line(&format!("{whole}y")), format!("{whole}... guard"));
    // What does not fit whole is left out whole.
    let edge = "x".repeat(127);
    assert_eq!(line(&format!("{edge}\n")), format!("{edge}... guard"));
    assert!(line(&"\u{10ffff}".repeat(1000)).len() < 160);

    let in_flight = with_ledger();
    let method = Method::from_bytes(&[b'M'; 500]).expect("valid");
    let path: http::Uri = format!("/{}", "p".repeat(5000)).parse().expect("valid");
    let request = Request::builder().method(method).uri(path);
    let request = request.header("x-request-id", "i".repeat(128)).body(()).expect("valid");
    let _body = answer(&in_flight, request, Response::new(stream_of(vec![data("x")])));
    let shown = in_flight.blockers()[0].to_string();
    assert!(shown.len() < 350, "{}: {shown}", shown.len());
}

#[test]
fn stages_are_named_in_lower_case() {
    let names = [RequestStage::Handler, RequestStage::Body, RequestStage::Guard]
        .map(|stage| stage.to_string());
    assert_eq!(names, ["handler", "body", "guard"]);
}
