//! The report of a stop as the exit code of the process.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use lameduck_core::plumbing::{log_later, outbox};

use crate::{Report, watchdog::end_process_after};

/// How long the process may take to end after `main` has its exit code: a runtime is dropped only
/// after every blocking call on it has returned.
const EXIT: Duration = Duration::from_secs(1);

/// How long the end of `main` waits for the log.
const LOG: Duration = Duration::from_millis(250);

impl From<Report> for ExitCode {
    /// The exit code of the outcome. To be the last thing in `main`: the watchdog ends the process
    /// a second later, see [`Report`].
    ///
    /// Logs why the server did not start, if it did not.
    fn from(report: Report) -> Self {
        let code = report.outcome.exit_code();
        if let Some(error) = report.error() {
            log_failed_start(error.to_owned());
        }
        // What is not logged when `main` returns is lost.
        outbox::flush(LOG);
        if report.ends_process {
            end_process_after(EXIT, code);
        }
        Self::from(code)
    }
}

fn log_failed_start(error: String) {
    if tracing::dispatcher::has_been_set() {
        log_later!(error, "start.failed", { error }, "not started");
    } else {
        // Without a subscriber the error would be lost. An error of the output changes nothing.
        outbox::post(move || drop(writeln!(io::stderr(), "not started: {error}")));
    }
}
