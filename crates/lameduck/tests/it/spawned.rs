//! Work that a handler spawns, during a stop.

use std::time::Duration;

use axum::routing::get;
use lameduck::{
    Outcome, Phase, StopTimeouts,
    context::{CancelReason, RequestContext},
};
use tokio::{sync::mpsc, time::sleep};

use crate::{app, builder, duck, get_body, serve};

#[tokio::test]
async fn spawned_work_delays_the_stop_and_is_not_cut_by_the_end_of_its_request() {
    let duck = duck();
    let stop = duck.stop_handle();
    let (done, mut is_done) = mpsc::unbounded_channel();
    let app = app(&duck).route(
        "/job",
        get(async move |context: RequestContext| {
            drop(context.spawn("mail", async move {
                sleep(Duration::from_millis(500)).await;
                done.send(()).unwrap();
            }));
            "accepted"
        })
        .layer(duck.layer()),
    );
    let in_flight = duck.in_flight().clone();
    let (addr, report) = serve(duck, app).await;
    assert_eq!(get_body(addr, "/job", "accept: */*").await, "accepted");
    let named = in_flight.blockers().iter().any(|blocker| blocker.to_string().contains("mail"));
    assert!(named, "{:?}", in_flight.blockers());
    stop.stop("test", false);
    let report = report.await.unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    assert!(is_done.try_recv().is_ok(), "the report waited for the work");
}

#[tokio::test]
async fn detached_work_that_ends_when_it_is_cancelled_leaves_a_stop_that_is_not_forced() {
    let timeouts = StopTimeouts::new()
        .with_lame_duck(Duration::ZERO)
        .with_drain(Duration::from_millis(200))
        .with_accept_queue(Duration::from_millis(100))
        .with_cancel(Duration::from_secs(2));
    let duck = builder().with_stop_timeouts(timeouts).build();
    let stop = duck.stop_handle();
    let (cancelled, mut was_cancelled) = mpsc::unbounded_channel();
    let app = app(&duck).route(
        "/job",
        get(async move |context: RequestContext| {
            drop(context.detach("import", async move {
                let context = RequestContext::current().unwrap();
                cancelled.send(context.cancelled().await).unwrap();
            }));
            "accepted"
        })
        .layer(duck.layer()),
    );
    let (addr, report) = serve(duck, app).await;
    assert_eq!(get_body(addr, "/job", "accept: */*").await, "accepted");
    stop.stop("test", false);
    let report = report.await.unwrap();
    assert_eq!(was_cancelled.try_recv().unwrap(), CancelReason::Shutdown);
    // Not forced: the phase after cancelling was not needed.
    assert_ne!(report.outcome(), Outcome::Forced, "{report}");
    assert!(report.phases().iter().all(|phase| phase.phase != Phase::Forced), "{report}");
}
