//! Start and stop hooks.

use std::{io, time::Duration};

use lameduck_core::{Phase, StopTimeouts};
use lameduck_lifecycle::{HookOutcome, Lifecycle, Outcome, Report};
use tokio::time::sleep;

use crate::support::{Notes, panics};

const SECOND: Duration = Duration::from_secs(1);

fn lifecycle() -> Lifecycle {
    Lifecycle::new()
}

async fn stopped(lifecycle: Lifecycle) -> Report {
    let running = lifecycle.spawn();
    running.started().await;
    running.stop_handle().stop("test", false);
    running.finished().await
}

#[tokio::test(start_paused = true)]
async fn start_hooks_run_in_order_and_stop_hooks_in_reverse() {
    let notes = Notes::default();
    let report = stopped(
        lifecycle()
            .on_start("database", notes.hook("database up"))
            .on_start("cache", notes.hook("cache up"))
            .on_stop("database", notes.hook("database down"))
            .on_stop("cache", notes.hook("cache down")),
    )
    .await;
    assert_eq!(notes.all(), ["database up", "cache up", "cache down", "database down"]);
    let names: Vec<_> = report.hooks().iter().map(|hook| hook.name.as_str()).collect();
    assert_eq!(names, ["cache", "database"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_start_hook_stops_the_start_and_what_had_started() {
    let notes = Notes::default();
    let running = lifecycle()
        .on_start("database", notes.hook("database up"))
        .on_start("cache", async || Err(io::Error::other("no such host")))
        .on_start("queue", notes.hook("queue up"))
        .on_stop("logs", notes.hook("logs down"))
        .on_stop("database", notes.hook("database down"))
        .on_stop("cache", notes.hook("cache down"))
        .on_stop("queue", notes.hook("queue down"))
        .spawn();
    running.started().await;
    let report = running.finished().await;
    assert_eq!(notes.all(), ["database up", "database down", "logs down"]);
    assert_eq!(report.outcome(), Outcome::NotStarted);
    assert_eq!(report.outcome().exit_code(), 2);
    assert_eq!(report.error(), Some("start hook `cache` failed: no such host"));
}

#[tokio::test(start_paused = true)]
async fn a_start_hook_that_panics_is_a_failed_start_and_not_a_crash() {
    let running = lifecycle().on_start("cache", || panics("no memory")).spawn();
    let report = running.finished().await;
    assert_eq!(report.error(), Some("start hook `cache` panicked: no memory"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_the_start_ends_it_without_a_drain_and_without_an_error() {
    let notes = Notes::default();
    let slow = notes.clone();
    let running = lifecycle()
        .on_start("database", notes.hook("database up"))
        .on_start("migration", async move || {
            sleep(SECOND * 60).await;
            slow.write("migrated");
        })
        .on_stop("database", notes.hook("database down"))
        .on_stop("migration", notes.hook("never"))
        .spawn();
    sleep(SECOND).await;
    assert_eq!(running.watch().current(), Phase::Starting);
    running.stop_handle().stop("SIGTERM", true);
    let report = running.finished().await;
    assert_eq!(report.outcome(), Outcome::Clean);
    assert_eq!(report.took(), Duration::ZERO);
    // Only clients in an accept queue are rejected, which takes no time here.
    let phases: Vec<_> = report.phases().iter().map(|phase| phase.phase).collect();
    assert_eq!(phases, [Phase::Draining]);
    sleep(SECOND * 120).await;
    assert_eq!(notes.all(), ["database up", "database down"]);
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_fails_or_hangs_costs_only_itself() {
    let notes = Notes::default();
    let report = stopped(
        lifecycle()
            .on_stop("first", notes.hook("first down"))
            .on_stop("panics", || panics("out of cheese"))
            .on_stop("middle", notes.hook("middle down"))
            .on_stop("fails", async || Err::<(), _>("disk full"))
            .on_stop("hangs", std::future::pending::<()>)
            .on_stop("last", notes.hook("last down")),
    )
    .await;
    assert_eq!(notes.all(), ["last down", "middle down", "first down"]);
    let outcomes: Vec<_> = report.hooks().iter().map(|hook| hook.outcome.clone()).collect();
    assert_eq!(
        outcomes,
        [
            HookOutcome::Done,
            HookOutcome::TimedOut,
            HookOutcome::Failed("disk full".to_owned()),
            HookOutcome::Done,
            HookOutcome::Panicked("out of cheese".to_owned()),
            HookOutcome::Done,
        ]
    );
    assert_eq!(report.outcome(), Outcome::Clean, "hooks are not requests");
}

#[tokio::test(start_paused = true)]
async fn a_hook_is_cut_at_its_own_timeout() {
    let report =
        stopped(lifecycle().on_stop_within(SECOND * 2, "hangs", std::future::pending::<()>)).await;
    assert_eq!(report.hooks()[0].took, SECOND * 2);
    assert_eq!(report.hooks()[0].outcome, HookOutcome::TimedOut);
    assert_eq!(report.took(), SECOND * 2);
}

#[tokio::test(start_paused = true)]
async fn hooks_that_hang_leave_time_for_those_after_them_and_all_fit_their_timeout() {
    let notes = Notes::default();
    let mut lifecycle = lifecycle().on_stop("last", notes.hook("done"));
    for name in ["a", "b", "c"] {
        lifecycle = lifecycle.on_stop(name, std::future::pending::<()>);
    }
    let report = stopped(lifecycle).await;
    assert_eq!(notes.all(), ["done"]);
    assert!(report.took() <= StopTimeouts::new().total(), "{:?}", report.took());
    for hook in &report.hooks()[1..] {
        assert!(hook.took <= SECOND, "{hook:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_hook_may_use_the_time_that_the_drain_did_not_need() {
    let report = stopped(lifecycle().on_stop("flush", || sleep(SECOND * 20))).await;
    assert_eq!(report.hooks()[0].outcome, HookOutcome::Done);
}

#[tokio::test(start_paused = true)]
async fn escalating_while_hooks_run_skips_them() {
    let notes = Notes::default();
    let running = lifecycle()
        .on_stop("never", notes.hook("never"))
        .on_stop("hangs", std::future::pending::<()>)
        .spawn();
    running.stop_handle().stop("SIGTERM", false);
    sleep(SECOND).await;
    running.stop_handle().escalate();
    let report = running.finished().await;
    assert_eq!(report.took(), SECOND);
    let outcomes: Vec<_> = report.hooks().iter().map(|hook| hook.outcome.clone()).collect();
    assert_eq!(outcomes, [HookOutcome::TimedOut, HookOutcome::Skipped]);
    assert!(notes.all().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_that_blocks_its_thread_does_not_block_the_hooks_after_it() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Mutex::new(blocked);
    let notes = Notes::default();
    let report = stopped(lifecycle().on_stop("last", notes.hook("done")).on_stop_within(
        Duration::from_millis(50),
        "blocks",
        async move || {
            let _ = blocked.lock().unwrap().recv();
        },
    ))
    .await;
    assert_eq!(report.hooks()[0].outcome, HookOutcome::TimedOut);
    assert_eq!(notes.all(), ["done"]);
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_hook_that_cannot_be_shown_costs_only_that_hook() {
    #[derive(Debug)]
    struct Odd;
    impl std::fmt::Display for Odd {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("out of cheese")
        }
    }
    impl std::error::Error for Odd {}
    let report =
        stopped(lifecycle().on_stop("first", async || {}).on_stop("odd", async || Err(Odd))).await;
    assert_eq!(report.hooks().len(), 2, "{report}");
    assert_eq!(report.error(), None);
}
