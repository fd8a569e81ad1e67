//! One drill, from the start of the program to its exit.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::{DrillError, DrillOptions, DrillReport, Progress, child::Child, place::Place};
use crate::Oracle;

/// How often progress is reported.
const TICK: Duration = Duration::from_millis(100);

/// A drill that is described, but has not begun.
///
/// If the program writes its log as JSON lines to its standard error, as `lameduck` does with
/// `tracing-subscriber`, then the report names the time of each phase.
///
/// ```no_run
/// use lameduck_drill::drill::{Drill, DrillOptions};
///
/// # #[expect(dead_code, reason = "shown, not run")]
/// # async fn run() -> Result<(), lameduck_drill::drill::DrillError> {
/// let report = Drill::new("target/debug/my-server", DrillOptions::new()).run(|_| ()).await?;
/// assert!(report.is_passed(), "{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is started before `run`"]
pub struct Drill {
    program: PathBuf,
    options: DrillOptions,
    place: Place,
}

impl Drill {
    /// Describes a drill of a program.
    pub fn new(program: impl Into<PathBuf>, options: DrillOptions) -> Self {
        Self { program: program.into(), options, place: Place::default() }
    }

    /// As [`new`](Self::new), with a network and a user for the program.
    #[cfg(target_os = "linux")]
    pub(crate) const fn in_place(program: PathBuf, options: DrillOptions, place: Place) -> Self {
        Self { program, options, place }
    }

    /// Runs the drill, and calls `observe` ten times a second.
    ///
    /// # Errors
    ///
    /// If the program cannot be started, or does not listen within 10 s. That it loses requests is
    /// a result and not an error.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the program is killed.
    pub async fn run(self, mut observe: impl FnMut(&Progress)) -> Result<DrillReport, DrillError> {
        let Self { program, options, place } = &self;
        let end = Instant::now() + options.time_limit;
        let mut child = Child::start(program, options, place).await?;
        let oracle = self.oracle(child.addr())?;
        let load = Instant::now();
        let mut running = oracle.start();

        let mut signalled = None;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let exit = loop {
            tokio::select! {
                exit = child.exited() => break Some(exit?),
                () = sleep_until(load + options.signal_after), if signalled.is_none() => {
                    running.burst(options.burst);
                    child.terminate()?;
                    signalled = Some(Instant::now());
                }
                () = sleep_until(end) => break None,
                _ = ticks.tick() => observe(&Progress {
                    snapshot: running.snapshot(),
                    signalled: signalled.map(|at: Instant| at.elapsed()),
                    event: child.last_event(),
                }),
            }
        };
        let exited = Instant::now();
        if exit.is_none() {
            child.kill().await?;
        }
        // Requests that are still open have lost their server, so they end at once.
        let verdict = running.finish().await;
        let log = child.into_log().await;
        Ok(DrillReport {
            exit_code: exit.and_then(|exit| exit.code()),
            expected_exit_code: options.exit_code,
            was_killed: exit.is_none(),
            was_signalled: signalled.is_some(),
            signal_to_exit: signalled.map(|at| exited - at).unwrap_or_default(),
            last_answer_to_exit: verdict.last_answer.map(|at| exited.saturating_duration_since(at)),
            verdict,
            log,
        })
    }

    fn oracle(&self, addr: SocketAddr) -> Result<Oracle, DrillError> {
        let options = &self.options;
        let mut oracle = if self.place.is_apart() {
            Oracle::in_network(addr)
        } else if addr.ip().is_unspecified() {
            Oracle::new((Ipv4Addr::LOCALHOST, addr.port()).into())
        } else if addr.ip().is_loopback() {
            Oracle::new(addr)
        } else {
            return Err(DrillError::new("the program does not listen on a loopback address"));
        };
        oracle.seed = options.seed;
        oracle.time_limit = options.time_limit;
        Ok(oracle.with_clients(options.scenarios.clone(), options.clients))
    }
}
