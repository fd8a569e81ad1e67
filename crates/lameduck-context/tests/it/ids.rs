//! Request ids: which are taken over, which are made, where they are sent.

use std::collections::HashSet;

use http::{HeaderName, HeaderValue, Response};
use http_body_util::BodyExt;
use lameduck_context::ContextLayer;
use tower::{Layer, ServiceExt};
use uuid::{Uuid, Variant};

use crate::support::{Ask, Left, ask, ask_with, current_id, fed, handler, hello};

const ID: &str = "x-request-id";

/// Sends a request; returns the id in the handler, the id on the response and how many id lines
/// the handler saw on the request.
async fn ids(layer: ContextLayer, request: Ask) -> (Option<String>, Option<String>, usize) {
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |request: Ask| {
        theirs.leave((current_id(), request.headers().get_all(ID).iter().count()));
        async { hello() }
    }));
    let response = service.oneshot(request).await.expect("infallible");
    let answered = response.headers().get(ID).map(|id| id.to_str().expect("ASCII").to_owned());
    let (inside, lines) = left.take();
    (inside, answered, lines)
}

fn request_of(id: &[u8]) -> Option<Ask> {
    let mut request = ask();
    request.headers_mut().insert(ID, HeaderValue::from_bytes(id).ok()?);
    Some(request)
}

async fn check_taken_over(id: &[u8]) {
    let request = request_of(id).expect("a header value");
    let (inside, answered, lines) = ids(ContextLayer::new(), request).await;
    let id = String::from_utf8_lossy(id).into_owned();
    assert_eq!((inside, answered, lines), (Some(id.clone()), Some(id), 1));
}

async fn check_replaced(request: Ask) {
    let what = format!("{:?}", request.headers());
    let (inside, answered, lines) = ids(ContextLayer::new(), request).await;
    let id = answered.expect("an id on the response");
    assert_eq!(Uuid::parse_str(&id).expect(&what).get_version_num(), 7, "{what}");
    assert_eq!(inside, Some(id), "{what}");
    assert_eq!(lines, 0, "the handler still sees {what}");
}

#[tokio::test]
async fn a_request_without_an_id_gets_a_version_7_uuid_of_its_own() {
    let mut seen = HashSet::new();
    // The id has the time of the coarse clock's last tick: 10 ms ago, or more on a busy machine.
    let before = unix_millis() - 1000;
    for _ in 0..2000 {
        let (inside, answered, _) = ids(ContextLayer::new(), ask()).await;
        let id = answered.expect("an id on the response");
        assert_eq!(inside.as_ref(), Some(&id));
        let uuid = Uuid::parse_str(&id).expect("a UUID");
        assert_eq!(uuid.to_string(), id, "in the common form");
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, Variant::RFC4122));
        let millis = u64::try_from(uuid.as_u128() >> 80).expect("48 bits");
        assert!((before..=unix_millis()).contains(&millis), "{id} was not made now");
        assert!(seen.insert(uuid), "{id} came twice");
    }
    // No bit of the random part is constant.
    let random = u128::MAX >> 54;
    let ones = seen.iter().fold(0, |bits, id| bits | id.as_u128());
    let zeros = seen.iter().fold(0, |bits, id| bits | !id.as_u128());
    let free = !(0x3 << 62) & random | 0xfff << 64;
    assert_eq!((ones & free, zeros & free), (free, free));
}

#[test]
fn ids_of_many_threads_at_one_moment_are_all_different() {
    const EACH: usize = 5000;
    let start = std::sync::Barrier::new(8);
    let make = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let layer = ContextLayer::new();
        start.wait();
        let ids = (0..EACH).map(|_| runtime.block_on(ids(layer.clone(), ask())).1);
        ids.collect::<Vec<_>>()
    };
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(ids.len(), 8 * EACH);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
}

fn unix_millis() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.expect("after 1970").as_millis()).expect("fits")
}

#[tokio::test]
async fn a_safe_id_is_taken_over() {
    for id in
        ["a", "01890a5d-ac96-774b-bcce-b302099a8057", "Root=1-67891233-abcdef012345678912345678"]
    {
        check_taken_over(id.as_bytes()).await;
    }
    check_taken_over(&[b'x'; 128]).await;
}

#[tokio::test]
async fn every_byte_is_either_safe_everywhere_in_an_id_or_nowhere() {
    let mut safe = Vec::new();
    for byte in 0..=u8::MAX {
        for id in [vec![byte], vec![byte, b'a'], vec![b'a', byte, b'a'], vec![b'a', byte]] {
            // A byte that a header value must not have does not reach a service.
            let Some(request) = request_of(&id) else { continue };
            if byte.is_ascii_alphanumeric() || b"._:+/=@-".contains(&byte) {
                safe.push(byte);
                check_taken_over(&id).await;
            } else {
                check_replaced(request).await;
            }
        }
    }
    assert_eq!(safe.len(), (26 + 26 + 10 + 8) * 4);
}

#[tokio::test]
async fn an_id_that_is_empty_or_longer_than_128_bytes_is_replaced() {
    for length in [0, 129, 10_000] {
        check_replaced(request_of(&vec![b'x'; length]).expect("a header value")).await;
    }
}

#[tokio::test]
async fn several_ids_are_replaced() {
    for second in ["one", "two"] {
        let mut request = ask_with(ID, "one");
        request.headers_mut().append(ID, HeaderValue::from_static(second));
        check_replaced(request).await;
    }
    // A hostile one cannot hide behind a safe one.
    let mut request = ask_with(ID, "one");
    request.headers_mut().append(ID, HeaderValue::from_static("<script>"));
    check_replaced(request).await;
}

#[tokio::test]
async fn an_inbound_id_is_replaced_where_none_is_trusted() {
    let layer = ContextLayer::new()
        .with_options(|options| options.request_id.get_or_insert_default().trust_inbound = false);
    let (inside, answered, lines) = ids(layer, ask_with(ID, "mine")).await;
    assert_eq!(inside, answered);
    assert!(Uuid::parse_str(&answered.expect("an id")).is_ok());
    assert_eq!(lines, 0);
}

#[tokio::test]
async fn the_id_is_in_the_header_of_the_options() {
    let name = HeaderName::from_static("x-correlation-id");
    let layer = ContextLayer::new()
        .with_options(|options| options.request_id.get_or_insert_default().header = name.clone());
    let service = layer.layer(handler(|_| async { hello() }));
    let request = ask_with("x-correlation-id", "mine");
    let response = service.oneshot(request).await.expect("infallible");
    assert_eq!(response.headers()[name], "mine");
    assert!(!response.headers().contains_key(ID));
}

#[tokio::test]
async fn the_id_is_not_on_the_response_if_the_option_is_off() {
    let layer = ContextLayer::new()
        .with_options(|options| options.request_id.get_or_insert_default().response_header = false);
    let (inside, answered, _) = ids(layer, ask_with(ID, "mine")).await;
    assert_eq!((inside.as_deref(), answered), (Some("mine"), None));
}

#[tokio::test]
async fn without_ids_none_is_made_taken_over_or_sent() {
    let layer = ContextLayer::new().with_options(|options| options.request_id = None);
    let (inside, answered, lines) = ids(layer, ask_with(ID, "mine")).await;
    assert_eq!((inside, answered, lines), (None, None, 1));
}

#[tokio::test]
async fn an_id_that_the_handler_puts_on_its_response_is_overwritten() {
    let service = ContextLayer::new().layer(handler(|_| async {
        let mut response = hello();
        response.headers_mut().append(ID, HeaderValue::from_static("upstream"));
        response
    }));
    let response = service.oneshot(ask_with(ID, "mine")).await.expect("infallible");
    let answered: Vec<_> = response.headers().get_all(ID).iter().collect();
    assert_eq!(answered, ["mine"]);
}

#[tokio::test]
async fn the_callback_gets_the_id_before_the_handler_runs() {
    let left = Left::new();
    let theirs = left.clone();
    let layer = ContextLayer::new().on_request_id(move |id| {
        theirs.leave(id.to_str().expect("ASCII").to_owned());
    });
    let seen = Left::new();
    let theirs = seen.clone();
    let ledger = left.clone();
    let service = layer.layer(handler(move |_| {
        theirs.leave((ledger.take(), current_id()));
        async { hello() }
    }));
    for request in [ask(), ask_with(ID, "mine")] {
        let response = service.clone().oneshot(request).await.expect("infallible");
        let (ledger, inside) = seen.take();
        assert_eq!(inside.as_ref(), Some(&ledger));
        assert_eq!(response.headers()[ID], ledger);
    }
}

#[track_caller]
fn check_body_knows(layer: &ContextLayer, request: Ask) -> impl Future<Output = ()> {
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        let (feed, mut body) = fed();
        drop(feed);
        let theirs = theirs.clone();
        body.at_poll = Box::new(move || theirs.leave(current_id()));
        async { Response::new(body) }
    }));
    async move {
        let response = service.oneshot(request).await.expect("infallible");
        let id = response.headers()[ID].to_str().expect("ASCII").to_owned();
        response.into_body().collect().await.expect("a body that ends");
        assert_eq!(left.take(), Some(id));
    }
}

#[tokio::test]
async fn a_body_still_knows_the_id_of_its_answer() {
    for layer in [ContextLayer::new(), ContextLayer::new().on_request_id(|_| ())] {
        check_body_knows(&layer, ask()).await;
        check_body_knows(&layer, ask_with(ID, "mine")).await;
    }
}
