//! The end of the process, in a process of its own: this test binary, started once more.

use std::{
    env,
    process::{Command, ExitCode},
    thread,
    time::{Duration, SystemTime},
};

use lameduck_core::StopTimeouts;
use lameduck_lifecycle::{Lifecycle, Report, Work};

const INSIDE: &str = "LAMEDUCK_TEST_STUCK_PROCESS";
const TENTH: Duration = Duration::from_millis(100);

#[test]
fn a_blocking_call_does_not_keep_the_process_beyond_its_stop_timeouts() {
    if env::var_os(INSIDE).is_some() {
        return stop_with_a_stuck_thread();
    }
    let name = "exit::a_blocking_call_does_not_keep_the_process_beyond_its_stop_timeouts";
    let began = SystemTime::now();
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    let took = began.elapsed().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    // 0.3 s of timeouts and half of the margin of 2 s. The rest is for a busy machine.
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
}

/// Timeouts of 0.3 s in all.
fn tight() -> StopTimeouts {
    StopTimeouts::new()
        .with_lame_duck(Duration::ZERO)
        .with_drain(TENTH)
        .with_accept_queue(TENTH)
        .with_cancel(Duration::ZERO)
        .with_force(TENTH)
        .with_hooks(TENTH)
}

fn stop_with_a_stuck_thread() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let code = runtime.block_on(async {
        // For ever, as far as this test goes.
        tokio::task::spawn_blocking(|| thread::sleep(Duration::from_secs(3_600)));
        let timeouts = tight();
        let stuck = Work::new("stuck", || 1, std::future::pending::<()>);
        let running = Lifecycle::new().with_stop_timeouts(timeouts).with_work(stuck).spawn();
        running.started().await;
        running.stop_handle().stop("test", false);
        ExitCode::from(running.finished().await)
    });
    assert_eq!(code, ExitCode::from(1));
    // As at the end of `main`: this waits for the thread, and only the watchdog ends it.
    drop(runtime);
    panic!("the runtime did not wait for a thread that is stuck");
}

#[test]
fn a_report_becomes_the_exit_code_of_its_outcome() {
    assert_eq!(ExitCode::from(Report::not_started("no")), ExitCode::from(2));
}

#[test]
fn handlers_that_block_every_thread_do_not_keep_the_process_either() {
    const INSIDE: &str = "LAMEDUCK_TEST_BLOCKED_PROCESS";
    if env::var_os(INSIDE).is_some() {
        return stop_with_every_thread_blocked();
    }
    let name = "exit::handlers_that_block_every_thread_do_not_keep_the_process_either";
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// The only thread begins the stop and then blocks for ever.
fn stop_with_every_thread_blocked() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let timeouts = tight();
        let running = Lifecycle::new().with_stop_timeouts(timeouts).with_watchdog().spawn();
        running.started().await;
        running.stop_handle().stop("admin", false);
        thread::sleep(Duration::from_secs(3_600));
    });
}
