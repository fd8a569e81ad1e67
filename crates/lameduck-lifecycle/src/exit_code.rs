//! The report of a stop as the exit code of the process.

use std::process::ExitCode;

use crate::{Report, watchdog::end_process_at};

impl From<Report> for ExitCode {
    /// The exit code of the outcome.
    ///
    /// Logs why the server did not start, if it did not, and starts the watchdog, see [`Report`].
    fn from(report: Report) -> Self {
        let code = report.outcome.exit_code();
        if let Some(error) = report.error() {
            log_failed_start(error);
        }
        if let Some(at) = report.exit_by {
            end_process_at(at, code, || true);
        }
        Self::from(code)
    }
}

fn log_failed_start(error: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::error!(target: "lameduck", event = "start.failed", error, "not started");
    } else {
        #[expect(clippy::print_stderr, reason = "without a subscriber the error would be lost")]
        {
            eprintln!("not started: {error}");
        }
    }
}
