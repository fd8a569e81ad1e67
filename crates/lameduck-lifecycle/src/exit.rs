//! The way out of the process.

use std::{
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use crate::Report;

impl From<Report> for ExitCode {
    /// The outcome's exit code.
    ///
    /// Also logs why the server was not started, if it was not, and starts the last resort, see
    /// [`Report`].
    fn from(report: Report) -> Self {
        let code = report.outcome.exit_code();
        if let Some(error) = report.error() {
            tell(error);
        }
        if let Some(at) = report.exit_by {
            start_last_resort(at, code);
        }
        Self::from(code)
    }
}

fn tell(error: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::error!(target: "lameduck", event = "start.failed", error, "not started");
    } else {
        #[expect(clippy::print_stderr, reason = "without a subscriber nobody else would say it")]
        {
            eprintln!("not started: {error}");
        }
    }
}

fn start_last_resort(at: Instant, code: u8) {
    let end = move || {
        thread::sleep(until(at));
        tracing::error!(
            target: "lameduck",
            event = "exit.forced",
            "a blocking call kept the runtime alive beyond every window: ending the process"
        );
        #[expect(clippy::disallowed_methods, reason = "the user asked for the exit; main cannot")]
        std::process::exit(i32::from(code));
    };
    // Without a thread to spare the process may stay; there is nobody left to tell.
    drop(thread::Builder::new().name("lameduck-last-resort".to_owned()).spawn(end));
}

fn until(at: Instant) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the runtime and its clock may be gone")]
    at.saturating_duration_since(Instant::now())
}
