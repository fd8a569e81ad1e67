//! `cargo xtask perf`: ours beside tower-http's, from one run.
//!
//! What counts is what machines and neighbours do not change: instructions, allocations, timers,
//! system calls. Nanoseconds and processor time are compared within the run only, in turns.

mod callgrind;
mod http;
mod numbers;
mod programs;
mod rows;
mod strace;
mod table;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use self::{numbers::Numbers, programs::Programs};
use crate::{
    flags,
    step::{self, now, seconds},
};

/// How it is measured, for the reader of the numbers.
const METHOD: &str = "\
Per request, over the bare handler. One binary holds both sides, built with `--profile perf`
(release, one codegen unit, thin LTO). A request has 4 headers, its answer 2 and 5 bytes; the
service is cloned for each, the waker is tokio's, its budget is off.

instructions  callgrind, difference of 2500 and 500 requests; only user space is counted
timers        calls of tokio's timer registration in the same runs
syscalls      strace, difference of 1100 and 100 requests
allocations   a counting allocator, mean of 1000 requests
ns            processor time of the thread, median of 31 rounds in which the stacks take turns
processor     an axum server on one core, 32 keep-alive connections from another that never sleeps;
              time of all its threads from schedstat, median over paired turns of five starts;
              requests per second in percent of the bare server's in the same turns
ready         the handler answers at its first poll; waiting: at its second; empty: as ready, but
              without any header

typical       SetRequestId, Trace, PropagateRequestId, CatchPanic, InFlightRequests, Timeout
same jobs     SetRequestId, PropagateRequestId, InFlightRequests, TaskTracker with
              CancellationToken, Timeout: what `Lameduck::layer` does, and nothing else
lameduck      `Lameduck::layer` with a timeout: count with ledger, gate, context. It neither traces
              nor catches panics: compare it with the same jobs.
request id    tower-http's layers also put it into the response's extensions, which ours do not

lameduck-context turns on uuid's `fast-rng`, which saves tower-http's MakeRequestUuid a system call
for each request, too, wherever both are in one program. The servers are not: the peers' is built
without ours.";

impl flags::Perf {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let parts = Parts::named(self.part.as_deref())?;
        if self.bless && self.part.is_some() {
            bail!("`--bless` writes every row: it cannot go with `--part`");
        }
        parts.need_tools(sh)?;
        let start = now();
        let programs = Programs::build(sh)?;
        let mut numbers = Numbers::default();
        // What neighbours disturb most comes last: the machine calms down after a build.
        if parts.has("instructions") {
            callgrind::measure(sh, &programs, &mut numbers)?;
        }
        if parts.has("syscalls") {
            strace::measure(sh, &programs, &mut numbers)?;
        }
        if parts.has("allocations") {
            let allocations = programs.path("allocations");
            numbers.read_output("allocations", &step::read(cmd!(sh, "{allocations}"))?)?;
        }
        if parts.has("ns") {
            let stacks = programs.path("stacks");
            numbers.read_lines(&step::read(cmd!(sh, "{stacks} nanoseconds"))?)?;
        }
        if parts.has("processor") {
            http::measure(sh, &programs, &mut numbers)?;
        }
        let rows = rows::all(&numbers);
        if self.json {
            println!("{}", table::json(&rows));
        } else {
            println!("\n{METHOD}\n\n{}", table::text(&rows));
        }
        eprintln!("perf: {}", seconds(start.elapsed()));
        if self.bless {
            table::bless(sh, METHOD, &rows)?;
        }
        rows::verdict(&rows)
    }
}

/// Which measurements are made. All, unless one is named.
struct Parts<'a> {
    only: Option<&'a str>,
}

impl<'a> Parts<'a> {
    const ALL: [&'static str; 5] = ["instructions", "syscalls", "allocations", "ns", "processor"];

    fn named(only: Option<&'a str>) -> Result<Self> {
        match only {
            Some(part) if !Self::ALL.contains(&part) => {
                bail!("no part `{part}`; there are {}", Self::ALL.join(", "))
            }
            only => Ok(Self { only }),
        }
    }

    fn has(&self, part: &str) -> bool {
        self.only.is_none_or(|only| only == part)
    }

    fn need_tools(&self, sh: &Shell) -> Result<()> {
        if !cfg!(target_os = "linux") {
            bail!("perf measures on Linux only: it needs valgrind, strace and /proc");
        }
        if self.has("instructions") {
            step::need_tool(sh, "valgrind", "apt-get install valgrind")?;
        }
        if self.has("syscalls") {
            step::need_tool(sh, "strace", "apt-get install strace")?;
        }
        Ok(())
    }
}
