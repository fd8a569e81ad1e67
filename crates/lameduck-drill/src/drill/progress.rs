//! How far a drill has come.

use std::{fmt, time::Duration};

use super::{StopEvent, stop_log::phase_of};
use crate::Snapshot;

/// How far a drill has come. Its `Display` is one line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The load.
    pub snapshot: Snapshot,
    /// The time since SIGTERM was sent. `None` before that.
    pub signalled: Option<Duration>,
    /// The last event of the program's log that began a phase.
    pub event: Option<StopEvent>,
}

impl Progress {
    fn phase(&self) -> &'static str {
        match (&self.event, self.signalled) {
            (Some(event), _) => phase_of(&event.event).unwrap_or("stopping"),
            (None, Some(_)) => "SIGTERM sent",
            (None, None) => "running",
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshot { elapsed, total, open, unanswered_scenarios: _ } = &self.snapshot;
        write!(
            f,
            "{:>6.1} s  {:<12}  {:>7} answered  {:>5} rejected  {:>5} refused  {:>4} lost  \
             {:>3} open",
            elapsed.as_secs_f64(),
            self.phase(),
            total.answered,
            total.rejected,
            total.refused,
            total.lost,
            open,
        )
    }
}
