//! A request, from its arrival to its response head.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

use http::{Method, Request, Response};
use http_body_util::Empty;
use lameduck_inflight::{InFlight, InFlightLayer, InFlightService};
use tower::{Layer, Service, service_fn};

use crate::support::{AnyBody, Broken, answer, check, now, pending, request, sound};

type Answer = Result<Response<AnyBody>, Broken>;

/// The layer around a handler that is this future.
fn around<F: Future<Output = Answer>>(
    in_flight: &InFlight,
    handler: impl FnMut() -> F,
) -> impl Service<Request<()>, Future = impl Future<Output = Result<impl Sized, Broken>>> {
    let mut handler = handler;
    InFlightLayer::new(in_flight.clone()).layer(service_fn(move |_| handler()))
}

fn get() -> Request<()> {
    request(Method::GET, "/")
}

fn empty() -> Answer {
    Ok(Response::new(sound(Empty::new())))
}

#[test]
fn a_request_counts_before_its_future_is_polled() {
    let in_flight = InFlight::new();
    let mut service = around(&in_flight, async || empty());
    let future = service.call(get());
    assert_eq!(in_flight.count(), 1);
    assert!(now(future).is_ok());
    check(&in_flight, 1, 0);
}

#[test]
fn a_request_counts_as_long_as_its_handler_works() {
    let in_flight = InFlight::new();
    let mut polls = 0;
    let work = poll_fn(move |_| {
        polls += 1;
        if polls < 3 { Poll::Pending } else { Poll::Ready(empty()) }
    });
    let mut work = Some(work);
    let mut service = around(&in_flight, || work.take().expect("one request"));
    let mut future = Box::pin(service.call(get()));
    for _ in 0..2 {
        assert!(pending(&mut future));
        assert_eq!(in_flight.count(), 1);
    }
    assert!(now(future).is_ok());
    check(&in_flight, 1, 0);
}

#[test]
fn a_cancelled_request_is_no_longer_in_flight() {
    let in_flight = InFlight::new();
    let mut service = around(&in_flight, std::future::pending::<Answer>);
    let unpolled = service.call(get());
    let mut polled = Box::pin(service.call(get()));
    assert!(pending(&mut polled));
    assert_eq!(in_flight.count(), 2);
    drop((unpolled, polled));
    check(&in_flight, 0, 2);
}

#[test]
fn a_request_that_fails_is_no_longer_in_flight() {
    let in_flight = InFlight::new();
    let mut service = around(&in_flight, async || Err(Broken));
    assert_eq!(now(service.call(get())).err(), Some(Broken));
    check(&in_flight, 0, 1);
}

#[test]
fn a_panic_in_call_leaves_nothing_in_flight() {
    let in_flight = InFlight::new();
    let mut service = around(&in_flight, || -> std::future::Ready<Answer> { panic!("in call") });
    assert!(catch_unwind(AssertUnwindSafe(|| drop(service.call(get())))).is_err());
    check(&in_flight, 0, 1);
}

#[test]
fn a_panic_in_the_handler_leaves_nothing_in_flight() {
    let in_flight = InFlight::new();
    let mut service = around(&in_flight, async || panic!("in poll"));
    let future = service.call(get());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(now(future)))).is_err());
    check(&in_flight, 0, 1);
}

/// Notes, when dropped, how many are in flight.
struct Destructor<'a>(&'a InFlight, &'a mut usize);

impl Drop for Destructor<'_> {
    fn drop(&mut self) {
        *self.1 = self.0.count();
    }
}

#[test]
fn what_a_handler_does_in_its_destructors_is_in_flight() {
    let in_flight = InFlight::new();
    let mut seen = 0;
    {
        let kept = Destructor(&in_flight, &mut seen);
        let mut handler = Some(async move {
            let _kept = kept;
            std::future::pending::<Answer>().await
        });
        let mut service = around(&in_flight, || handler.take().expect("one request"));
        let mut future = Box::pin(service.call(get()));
        assert!(pending(&mut future));
    }
    assert_eq!(seen, 1);
    check(&in_flight, 0, 1);
}

#[test]
fn layers_and_services_of_one_handle_share_its_count() {
    let in_flight = InFlight::new();
    let layer = InFlightLayer::new(in_flight.clone());
    let handler = || service_fn(|_: Request<()>| std::future::pending::<Answer>());
    let mut services = [layer.layer(handler()), layer.clone().layer(handler())];
    let clone = &mut services[0].clone();
    let futures = [clone.call(get()), services[0].call(get()), services[1].call(get())];
    assert_eq!(in_flight.count(), 3);
    drop(futures);
    check(&in_flight, 0, 3);
}

#[test]
fn a_service_may_outlive_every_handle() {
    let handler = service_fn(async |_: Request<()>| empty());
    let mut service = InFlightService::new(handler, InFlight::new());
    let mut clone = service.clone();
    assert!(now(service.call(get())).is_ok());
    assert!(now(clone.call(get())).is_ok());
}

#[test]
fn the_answer_is_the_handlers() {
    let in_flight = InFlight::new();
    let response = Response::builder().status(207).header("x-mine", "yes");
    let response = answer(&in_flight, get(), response.body("hello".to_owned()).expect("valid"));
    assert_eq!(response.status(), 207);
    assert_eq!(response.headers()["x-mine"], "yes");
}

#[test]
fn the_inner_service_can_be_reached() {
    #[derive(Clone, Debug, PartialEq)]
    struct Inner(u8);
    let mut service = InFlightService::new(Inner(1), InFlight::new());
    service.get_mut().0 = 2;
    assert_eq!(service.get_ref(), &Inner(2));
    assert_eq!(service.into_inner(), Inner(2));
}

#[test]
fn a_second_request_on_one_service_is_counted_too() {
    let in_flight = InFlight::new();
    let mut service = around(&in_flight, async || empty());
    for finished in 1..=3 {
        assert!(now(service.call(get())).is_ok());
        check(&in_flight, finished, 0);
    }
}
