//! A drill: a server under load as a child of this process, SIGTERM, and a verdict.

mod args;
mod child;
pub(crate) mod limits;
mod outcome;
pub(crate) mod paint;
mod place;
mod program;
mod progress;
mod render;
mod stop_log;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use self::child::Child;
pub(crate) use self::place::Place;
pub use self::{
    outcome::{DrillError, DrillReport},
    program::main,
    progress::Progress,
    stop_log::{PhaseTime, StopEvent},
};
use crate::{Kind, Oracle};

/// How often progress is told.
const TICK: Duration = Duration::from_millis(100);

/// A drill that is described, but has not begun.
///
/// The server is a program that takes a free port, and prints `listening on http://ADDR` on its
/// standard output before it serves the paths of the [contract](crate::contract). If it writes its
/// log as JSON lines to its standard error, the report tells the time of each phase.
#[derive(Clone, Debug)]
#[must_use = "nothing is started before `run`"]
pub struct Drill {
    program: PathBuf,
    args: Vec<OsString>,
    clients: usize,
    kinds: Vec<Kind>,
    seed: u64,
    signal_after: Duration,
    burst: usize,
    longest: Duration,
    exit_code: i32,
    place: Place,
}

impl Drill {
    /// Describes a drill of a program without arguments.
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            clients: 64,
            kinds: Kind::ALL.to_vec(),
            seed: 1,
            signal_after: Duration::from_secs(2),
            burst: 64,
            longest: Duration::from_secs(45),
            exit_code: 0,
            place: Place::default(),
        }
    }

    /// Sets the arguments of the program. By default none.
    pub fn with_args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args = args.into_iter().map(A::into).collect();
        self
    }

    /// Sets how many clients there are, spread over the kinds. By default 64.
    pub const fn with_clients(mut self, clients: usize) -> Self {
        self.clients = clients;
        self
    }

    /// Sets the kinds of load. By default all.
    pub fn with_kinds(mut self, kinds: impl Into<Vec<Kind>>) -> Self {
        self.kinds = kinds.into();
        self
    }

    /// Sets the seed of the load. By default 1.
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how long the load runs before SIGTERM is sent. By default 2 s.
    pub const fn with_signal_after(mut self, load: Duration) -> Self {
        self.signal_after = load;
        self
    }

    /// Sets how many connections with a request each are opened in the moment of SIGTERM. By
    /// default 64; more than the server's accept queue takes (128 with tokio's `bind`) are refused.
    pub const fn with_burst(mut self, connections: usize) -> Self {
        self.burst = connections;
        self
    }

    /// Sets how long the drill may take, from its start to the exit of the program, before the
    /// program is killed. By default 45 s.
    pub const fn with_longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Sets the exit code that the program has to end with. By default 0.
    pub const fn with_exit_code(mut self, code: i32) -> Self {
        self.exit_code = code;
        self
    }

    /// Sets where the program runs, and as whom. By default where and as this process does.
    #[cfg(all(feature = "rtt", target_os = "linux"))]
    pub(crate) fn with_place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Runs the drill, and tells `observe` ten times a second how far it is.
    ///
    /// # Errors
    ///
    /// If the program cannot be started, or does not say in 10 s where it listens. That it loses
    /// requests is a result and no error.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the program is killed.
    pub async fn run(self, mut observe: impl FnMut(&Progress)) -> Result<DrillReport, DrillError> {
        let began = Instant::now();
        let end = began + self.longest;
        let mut child = Child::start(&self.program, &self.args, &self.place).await?;
        let load = Instant::now();
        let mut running = self.oracle(child.addr()).start();

        let mut signalled = None;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let exit = loop {
            tokio::select! {
                exit = child.exited() => break Some(exit?),
                () = sleep_until(load + self.signal_after), if signalled.is_none() => {
                    running.burst(self.burst);
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
        // What has not ended has no server any more: it ends at once.
        let verdict = running.finish().await;
        let log = child.into_log().await;
        Ok(DrillReport {
            exit_code: exit.and_then(|exit| exit.code()),
            expected_exit_code: self.exit_code,
            was_killed: exit.is_none(),
            was_signalled: signalled.is_some(),
            signal_to_exit: signalled.map(|at| exited - at).unwrap_or_default(),
            last_answer_to_exit: verdict.last_answer.map(|at| exited.saturating_duration_since(at)),
            verdict,
            log,
        })
    }

    fn oracle(&self, addr: std::net::SocketAddr) -> Oracle {
        // In a network that was made for the drill there is nobody else to ask.
        let oracle =
            if self.place.enter.is_some() { Oracle::apart(addr) } else { Oracle::new(addr) };
        let mut oracle = oracle.with_seed(self.seed).with_time_limit(self.longest);
        let kinds = self.kinds.len().max(1);
        for (index, kind) in self.kinds.iter().enumerate() {
            let rest = usize::from(index < self.clients % kinds);
            oracle = oracle.with_client(*kind, self.clients / kinds + rest);
        }
        oracle
    }
}
