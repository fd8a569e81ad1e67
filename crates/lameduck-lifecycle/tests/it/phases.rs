//! The phases, from the begin of a stop to its report.

use std::time::Duration;

use lameduck_core::{Phase, StopTimeouts, TransitionCause};
use lameduck_lifecycle::{Lifecycle, Outcome, SourceClosed, Tally, Work};
use tokio::time::{Instant, sleep};

use crate::support::Requests;

const SECOND: Duration = Duration::from_secs(1);

fn with(requests: &Requests) -> Lifecycle {
    with_timeouts(requests, StopTimeouts::new())
}

fn with_timeouts(requests: &Requests, timeouts: StopTimeouts) -> Lifecycle {
    let tally = requests.clone();
    Lifecycle::new()
        .with_stop_timeouts(timeouts)
        .with_work(requests.work())
        .with_tally(move || tally.tally())
}

#[tokio::test(start_paused = true)]
async fn an_idle_server_stops_the_moment_its_lame_duck_is_over() {
    let running = with(&Requests::new()).spawn();
    running.started().await;
    let began = Instant::now();
    running.stop_handle().stop("SIGTERM", true);
    let report = running.finished().await;
    assert_eq!(began.elapsed(), SECOND * 5);
    assert_eq!(report.outcome(), Outcome::Clean);
    assert_eq!(report.cause(), "SIGTERM");
    assert_eq!(report.left(), SECOND * 23);
    assert_eq!(running.watch().current(), Phase::Stopped);
}

#[tokio::test(start_paused = true)]
async fn an_interactive_stop_of_an_idle_server_takes_no_time() {
    let running = with(&Requests::new()).spawn();
    running.started().await;
    let began = Instant::now();
    running.stop_handle().stop("SIGINT", false);
    let _ = running.finished().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_drain_ends_with_the_last_request_and_not_at_a_tick() {
    let requests = Requests::new();
    let running = with(&requests).spawn();
    running.started().await;
    requests.come(1);
    running.stop_handle().stop("SIGTERM", false);
    sleep(Duration::from_micros(3_141_000)).await;
    assert_eq!(running.watch().current(), Phase::Draining);
    let finished = Instant::now();
    requests.finish(1);
    let report = running.finished().await;
    assert_eq!(finished.elapsed(), Duration::ZERO);
    assert_eq!(report.outcome(), Outcome::Clean);
    assert_eq!(report.tally(), Tally::new(1, 1, 0, 0));
    let [drain] = report.phases() else { panic!("one phase, got {:?}", report.phases()) };
    assert_eq!((drain.phase, drain.ended_by), (Phase::Draining, TransitionCause::Event));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_answers_when_cancelled_makes_the_stop_cancelled() {
    let requests = Requests::new();
    let running = with(&requests).spawn();
    running.started().await;
    requests.come(1);
    running.stop_handle().stop("SIGTERM", true);
    running.watch().reached(Phase::Cancelling).await;
    sleep(SECOND).await;
    requests.finish(1);
    let report = running.finished().await;
    assert_eq!(report.outcome(), Outcome::Cancelled);
    assert_eq!(report.outcome().exit_code(), 0);
    assert_eq!(report.took(), SECOND * 21);
    assert_eq!(report.blockers(), ["GET /slow #0"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_forced_and_named_within_the_stop_timeouts() {
    let requests = Requests::new();
    let running = with(&requests).spawn();
    running.started().await;
    requests.come(3);
    running.stop_handle().stop("SIGTERM", true);
    let report = running.finished().await;
    assert_eq!(report.outcome(), Outcome::Forced);
    assert_eq!(report.outcome().exit_code(), 1);
    assert!(report.took() <= SECOND * 24, "{:?}", report.took());
    assert_eq!(report.blockers(), ["GET /slow #0", "GET /slow #1", "GET /slow #2"]);
    assert_eq!(report.tally(), Tally::new(3, 0, 0, 3));
    let shown = report.to_string();
    for part in ["forced stop in 23.", "3 accepted = 0 finished + 0 rejected + 3 aborted", "#2"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_force_cannot_end_does_not_outlive_the_force_timeout() {
    let stuck = Work::new("stuck", || 1, std::future::pending::<()>);
    let running = Lifecycle::new().with_work(stuck).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", true);
    let report = running.finished().await;
    assert_eq!(report.outcome(), Outcome::Forced);
    assert_eq!(report.took(), SECOND * 24);
    assert_eq!(report.phases().last().map(|phase| phase.ended_by), Some(TransitionCause::Timeout));
}

#[tokio::test(start_paused = true)]
async fn an_escalated_stop_cancels_at_once_and_then_forces_at_once() {
    let requests = Requests::new();
    let running = with(&requests).spawn();
    running.started().await;
    requests.come(1);
    let stop = running.stop_handle();
    let began = Instant::now();
    stop.stop("SIGTERM", true);
    stop.escalate();
    running.watch().reached(Phase::Cancelling).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    stop.escalate();
    running.watch().reached(Phase::Forced).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(running.finished().await.outcome(), Outcome::Forced);
}

#[tokio::test(start_paused = true)]
async fn an_escalated_stop_with_nothing_in_flight_is_still_clean() {
    let running = with(&Requests::new()).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", true);
    running.stop_handle().escalate();
    assert_eq!(running.finished().await.outcome(), Outcome::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_stop_cancelled_in_lame_duck_leaves_a_ready_server_that_can_stop_again() {
    let running = with(&Requests::new()).spawn();
    running.started().await;
    let stop = running.stop_handle();
    stop.stop("first", true);
    sleep(SECOND * 2).await;
    stop.cancel_stop().await.unwrap();
    assert!(running.watch().current().is_ready());
    sleep(SECOND * 100).await;
    assert!(running.watch().current().is_ready());

    stop.stop("second", true);
    let report = running.finished().await;
    assert_eq!((report.cause(), report.took()), ("second", SECOND * 5));
}

#[tokio::test(start_paused = true)]
async fn a_stop_past_lame_duck_is_too_late_to_cancel_and_goes_on() {
    let requests = Requests::new();
    let running = with(&requests).spawn();
    running.started().await;
    requests.come(1);
    running.stop_handle().stop("SIGTERM", false);
    let too_late = running.stop_handle().cancel_stop().await.unwrap_err();
    assert_eq!(too_late.phase(), Phase::Draining);
    requests.finish(1);
    let _ = running.finished().await;
    let too_late = running.stop_handle().cancel_stop().await.unwrap_err();
    assert_eq!(too_late.phase(), Phase::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_lame_duck_that_may_end_when_quiet_waits_for_quiet_after_its_minimum() {
    let requests = Requests::new();
    let timeouts = StopTimeouts::new().with_lame_duck_until_quiet(SECOND, SECOND, SECOND * 5);
    let quiet = with_timeouts(&requests, timeouts).spawn();
    quiet.started().await;
    quiet.stop_handle().stop("SIGTERM", true);
    assert_eq!(quiet.finished().await.took(), SECOND);

    let busy = with_timeouts(&requests, timeouts).spawn();
    busy.started().await;
    busy.stop_handle().stop("SIGTERM", true);
    for _ in 0..3 {
        sleep(SECOND / 2).await;
        requests.come(1);
        requests.finish(1);
    }
    // The last request came at 1.5 s. It is seen at 2 s, and a quiet second follows.
    assert_eq!(busy.finished().await.took(), SECOND * 3);
}

#[tokio::test(start_paused = true)]
async fn every_caller_gets_the_same_report() {
    let running = with(&Requests::new()).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", true);
    running.stop_handle().stop("SIGINT", true);
    let (one, two) = tokio::join!(running.finished(), running.finished());
    assert_eq!(one, two);
    assert_eq!(one.cause(), "SIGTERM");
    assert_eq!(running.finished().await, one);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_only_after_every_listener_has_closed() {
    let requests = Requests::new();
    let late = requests.clone();
    let listener = Work::new("connections", || 0, || async {}).with_closed(move || {
        let late = late.clone();
        async move {
            // The accept queue still held a connection with a request.
            sleep(SECOND / 2).await;
            late.come(1);
            SourceClosed::new(1, true)
        }
    });
    let running = with(&requests).with_work(listener).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", false);
    sleep(SECOND).await;
    assert_eq!(running.watch().current(), Phase::Draining);
    requests.finish(1);
    assert_eq!(running.finished().await.tally(), Tally::new(1, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_never_closes_delays_the_stop_no_longer_than_its_timeout() {
    let listener = Work::new("connections", || 0, || async {})
        .with_closed(std::future::pending::<SourceClosed>);
    let running = Lifecycle::new().with_work(listener).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", false);
    assert_eq!(running.finished().await.took(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_numbers_of_the_report_add_up() {
    let requests = Requests::new();
    let running = with(&requests).spawn();
    running.started().await;
    requests.come(10);
    requests.finish(4);
    running.stop_handle().stop("SIGTERM", false);
    running.watch().reached(Phase::Draining).await;
    requests.reject(5);
    requests.come(2);
    requests.finish(7);
    let tally = running.finished().await.tally();
    assert_eq!(tally, Tally::new(13, 7, 5, 1));
    assert_eq!(tally.accepted, tally.finished + tally.rejected + tally.aborted);
}

#[tokio::test(start_paused = true)]
async fn every_reader_of_the_phase_knows_the_end_of_the_drain() {
    let requests = Requests::new();
    let running = with(&requests).spawn();
    running.started().await;
    assert_eq!(running.watch().cancelling_at(), None);
    requests.come(1);
    let began = Instant::now();
    running.stop_handle().stop("SIGTERM", true);
    running.watch().reached(Phase::LameDuck).await;
    assert_eq!(running.watch().cancelling_at(), Some((began + SECOND * 20).into_std()));
}

#[tokio::test(start_paused = true)]
async fn a_future_alongside_may_begin_a_stop_and_escalate_it() {
    let requests = Requests::new();
    requests.come(1);
    let lifecycle = with(&requests);
    let stop = lifecycle.stop_handle();
    let signals = async move {
        sleep(SECOND).await;
        stop.stop("SIGTERM", true);
        for _ in 0..2 {
            sleep(SECOND).await;
            stop.escalate();
        }
    };
    let report = lifecycle.alongside(signals).spawn().finished().await;
    let phases: Vec<_> = report.phases().iter().map(|phase| (phase.phase, phase.took)).collect();
    assert_eq!(phases[..2], [(Phase::LameDuck, SECOND), (Phase::Cancelling, SECOND)]);
    assert_eq!(phases[2].0, Phase::Forced);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_before_a_future_alongside_does() {
    let lifecycle = with(&Requests::new()).alongside(std::future::pending());
    let running = lifecycle.alongside(std::future::ready(())).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", false);
    assert_eq!(running.finished().await.outcome(), Outcome::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_future_alongside_that_panics_costs_only_itself() {
    let panics = async { panic!("out of cheese") };
    let lifecycle = with(&Requests::new()).alongside(panics);
    let stop = lifecycle.stop_handle();
    let later = async move {
        sleep(SECOND).await;
        stop.stop("later", false);
    };
    let report = lifecycle.alongside(later).spawn().finished().await;
    assert_eq!((report.outcome(), report.cause()), (Outcome::Clean, "later"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_began_before_the_start_needs_no_lame_duck() {
    let lifecycle = with(&Requests::new());
    let stop = lifecycle.stop_handle();
    let report = lifecycle.alongside(async move { stop.stop("SIGTERM", true) }).spawn();
    assert_eq!(report.finished().await.took(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn closures_that_panic_cost_only_themselves_and_the_stop_goes_on_to_its_report() {
    fn broken<T>() -> T {
        panic!("out of cheese")
    }
    let requests = Requests::new();
    let mute = Work::new("mute", || 1, || async { broken() }).with_blockers(broken);
    let blind = Work::new("blind", broken, || async {}).with_closed(|| async { broken() });
    let brute = Work::new("brute", || 0, broken::<std::future::Ready<()>>).with_force(broken);
    let running = Lifecycle::new()
        .with_work(requests.work())
        .with_work(mute)
        .with_work(blind)
        .with_work(brute)
        .with_tally(broken)
        .on_stop("database", async || {})
        .spawn();
    running.started().await;
    requests.come(1);
    running.stop_handle().stop("SIGTERM", false);
    sleep(SECOND * 2).await;
    assert_eq!(running.watch().current(), Phase::Draining);
    let report = running.finished().await;
    // One of them says for ever that something is open.
    assert_eq!(report.outcome(), Outcome::Forced, "{report}");
    assert!(report.blockers().contains(&"GET /slow #0".to_owned()), "{report}");
    assert_eq!(report.hooks().len(), 1, "{report}");
    assert_eq!(report.error(), None);
}

#[tokio::test(start_paused = true)]
async fn a_count_and_a_wait_that_disagree_do_not_keep_a_thread_busy() {
    let odd = Work::new("odd", || 1, || async {});
    let running = Lifecycle::new().with_work(odd).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", false);
    // On a paused clock this ends only because the loop sleeps.
    assert_eq!(running.finished().await.outcome(), Outcome::Forced);
}

#[tokio::test]
async fn a_hundred_thousand_blockers_are_counted_and_a_hundred_named() {
    let lines = || (0..100_000).map(|n| format!("socket {n}")).collect();
    let many = Work::new("sockets", || 1, std::future::pending::<()>).with_blockers(lines);
    let tenth = SECOND / 10;
    let timeouts = StopTimeouts::new()
        .with_drain(tenth)
        .with_accept_queue(tenth)
        .with_cancel(tenth)
        .with_force(tenth);
    let running = Lifecycle::new().with_stop_timeouts(timeouts).with_work(many).spawn();
    running.started().await;
    running.stop_handle().stop("SIGTERM", false);
    let report = running.finished().await;
    assert_eq!(report.blockers().len(), 101);
    assert_eq!(report.blockers()[100], "99900 more sockets");
    assert!(report.took() < SECOND * 5, "{:?}", report.took());
}
