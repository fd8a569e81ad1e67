//! Log subscribers that panic or block, each in a process of its own: this test binary, started
//! once more. All stops of a process share the thread that logs.

use std::{
    env,
    process::{Command, ExitCode},
    sync::mpsc,
    time::{Duration, SystemTime},
};

use lameduck_core::StopTimeouts;
use lameduck_lifecycle::{Lifecycle, Outcome, Report, Work};
use tracing::{Event, Subscriber};
use tracing_subscriber::{Layer, layer::Context, prelude::*};

const MODE: &str = "LAMEDUCK_TEST_SUBSCRIBER";

/// A subscriber that does this with every event of a stop.
struct Broken<F>(F);

impl<S: Subscriber, F: Fn() + Send + Sync + 'static> Layer<S> for Broken<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "lameduck" {
            (self.0)();
        }
    }
}

fn install(on_event: impl Fn() + Send + Sync + 'static) {
    tracing_subscriber::registry().with(Broken(on_event)).init();
}

/// The process that the tests below start. Without a mode it does nothing.
#[test]
fn process_under_test() {
    match env::var(MODE).as_deref() {
        Err(_) => {}
        Ok("panics") => {
            install(|| panic!("the log cannot be written"));
            check(&stop());
        }
        Ok("blocks") => {
            let (_open, gate) = mpsc::channel::<()>();
            let gate = std::sync::Mutex::new(gate);
            install(move || {
                let _ = gate.lock().unwrap().recv();
            });
            check(&stop());
            // The watchdog does not wait for the log either.
            never_stop();
        }
        Ok("silent") => {
            let (report, code) = (forced(), ExitCode::from(1));
            assert_eq!(ExitCode::from(report), code);
        }
        Ok(other) => panic!("no mode {other:?}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn stop() -> Report {
    let running = Lifecycle::new()
        .with_stop_timeouts(StopTimeouts::new().with_lame_duck(Duration::ZERO))
        .on_stop("database", async || {})
        .spawn();
    running.started().await;
    running.stop_handle().stop("test", true);
    running.finished().await
}

/// Five events: initiated, drain started, hook started and finished, completed.
fn check(report: &Report) {
    assert_eq!(report.outcome(), Outcome::Clean);
    assert_eq!(report.unlogged_events(), 5, "{report}");
    assert!(report.to_string().contains("5 events could not be logged"), "{report}");
    assert!(report.took() < Duration::from_secs(5), "{report}");
}

fn short() -> StopTimeouts {
    let tenth = Duration::from_millis(100);
    StopTimeouts::new()
        .with_lame_duck(Duration::ZERO)
        .with_drain(tenth)
        .with_accept_queue(tenth)
        .with_cancel(Duration::ZERO)
        .with_force(tenth)
        .with_hooks(tenth)
}

#[tokio::main(flavor = "current_thread")]
async fn never_stop() {
    let running = Lifecycle::new().with_stop_timeouts(short()).with_watchdog().spawn();
    running.started().await;
    running.stop_handle().stop("test", true);
    std::thread::sleep(Duration::from_secs(3_600));
}

#[tokio::main(flavor = "current_thread")]
async fn forced() -> Report {
    let stuck = Work::new("jobs", || 1, std::future::pending::<()>)
        .with_blockers(|| vec!["job 7".to_owned()]);
    let running = Lifecycle::new().with_stop_timeouts(short()).with_work(stuck).spawn();
    running.started().await;
    running.stop_handle().stop("test", true);
    running.finished().await
}

/// Starts the process, and returns its exit code and what it wrote to its standard error.
fn run(mode: &str) -> (Option<i32>, String) {
    let began = SystemTime::now();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "subscribers::process_under_test", "--nocapture"])
        .env(MODE, mode)
        .output()
        .unwrap();
    let took = began.elapsed().unwrap();
    assert!(took < Duration::from_secs(20), "{took:?}");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_subscriber_that_panics_ends_no_stop_and_what_it_missed_is_counted() {
    let (code, stderr) = run("panics");
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_subscriber_that_blocks_delays_neither_a_stop_nor_the_watchdog() {
    let (code, stderr) = run("blocks");
    // The exit code of a forced stop: the watchdog ended the process.
    assert_eq!(code, Some(1), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn without_a_subscriber_a_forced_stop_says_on_stderr_what_was_cut() {
    let (code, stderr) = run("silent");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("lameduck: forced stop, cut: job 7"), "{stderr}");
}
