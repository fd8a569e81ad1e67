//! Why there was no drill.

use std::{error::Error, fmt, io};

/// Why there was no drill.
#[derive(Debug)]
pub struct DrillError {
    what: String,
    source: Option<io::Error>,
    /// The last lines that the program wrote to its standard error.
    output: Vec<String>,
    is_unavailable: bool,
}

impl DrillError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None, output: Vec::new(), is_unavailable: false }
    }

    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self { source: Some(source), ..Self::new(what) }
    }

    pub(super) fn with_output(self, output: Vec<String>) -> Self {
        Self { output, ..self }
    }

    /// As [`new`](Self::new), for what this system or this user cannot do.
    #[cfg(any(target_os = "linux", feature = "cli"))]
    pub(crate) fn unavailable(what: impl Into<String>, source: Option<io::Error>) -> Self {
        Self { is_unavailable: true, source, ..Self::new(what) }
    }

    /// Whether this system, or this user, cannot run such a drill at all.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

impl fmt::Display for DrillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for line in &self.output {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl Error for DrillError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
