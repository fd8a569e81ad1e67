//! What the program prints. A pipe that is closed is not an error: the exit code is the verdict.

use std::{
    error::Error,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

/// How often a line of progress is written if lines cannot be overwritten.
const LINE: Duration = Duration::from_secs(1);

/// Prints an error and its causes on one line.
pub(super) fn error(error: &dyn Error) {
    let mut text = format!("lameduck-drill: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints a result. The colours go only where a terminal shows them.
pub(super) fn result(text: &str, is_plain: bool) {
    if is_plain {
        anstream::ColorChoice::Never.write_global();
    }
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// Prints progress on standard error: one line that is overwritten, or one line each second.
pub(super) struct ProgressLine {
    is_live: bool,
    printed: Option<Duration>,
}

impl ProgressLine {
    pub(super) fn new(is_plain: bool) -> Self {
        Self { is_live: !is_plain && io::stderr().is_terminal(), printed: None }
    }

    /// Begins a run with a title.
    pub(super) fn begin(&mut self, title: &str) {
        self.printed = None;
        let _ = writeln!(io::stderr(), "{title}");
    }

    /// Prints how far the run has come, `elapsed` after its start.
    pub(super) fn update(&mut self, elapsed: Duration, progress: &dyn Display) {
        if self.is_live {
            // Erases the rest of the line, because the one before may have been longer.
            let _ = write!(io::stderr(), "\r{progress}\x1b[K");
        } else if self.printed.is_none_or(|printed| elapsed >= printed + LINE) {
            self.printed = Some(elapsed);
            let _ = writeln!(io::stderr(), "{progress}");
        }
    }

    pub(super) fn end(&self) {
        if self.is_live {
            let _ = writeln!(io::stderr());
        }
    }
}
