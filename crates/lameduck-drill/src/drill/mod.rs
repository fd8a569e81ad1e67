//! A drill: a server under load as a child process, SIGTERM, and a report.

mod child;
mod error;
mod limits;
mod options;
mod place;
mod progress;
pub(crate) mod render;
mod report;
mod run;
mod stop_log;

#[cfg(target_os = "linux")]
pub(crate) use self::place::Place;
pub use self::{
    error::DrillError,
    limits::raise_file_limit,
    options::DrillOptions,
    progress::Progress,
    report::DrillReport,
    run::Drill,
    stop_log::{PhaseTime, StopEvent},
};
