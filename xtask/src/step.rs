//! Runs commands: each step prints its command and its time, on the standard error output.

use std::{
    io::{BufRead, BufReader},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use xshell::{Cmd, Shell, cmd};

/// The clock of the steps: wall time, which no test pauses.
#[expect(clippy::disallowed_methods, reason = "a task measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Runs one step after the other and remembers how each ended.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Done>,
}

struct Done {
    name: String,
    end: End,
    took: Duration,
}

/// How a step ended.
enum End {
    Ok,
    Failed(String),
    NotRun(String),
}

/// Whether a step that needs more than cargo was run.
pub(crate) enum Ran {
    Yes,
    /// It was not, for this reason.
    No(String),
}

impl Steps {
    /// Runs `step`; a failure is printed at once and once more at the end.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        self.run_if_possible(name, || step().map(|()| Ran::Yes));
    }

    /// As [`run`](Self::run), for a step that may have to say why it is not run.
    pub(crate) fn run_if_possible(&mut self, name: &str, step: impl FnOnce() -> Result<Ran>) {
        eprintln!("\n== {name}");
        let start = now();
        let end = match step() {
            Ok(Ran::Yes) => End::Ok,
            Ok(Ran::No(reason)) => End::NotRun(reason),
            Err(error) => End::Failed(format!("{error:#}")),
        };
        let took = start.elapsed();
        match &end {
            End::Ok => eprintln!("== {name}: ok, {}", seconds(took)),
            End::Failed(error) => eprintln!("== {name}: FAILED, {}: {error}", seconds(took)),
            End::NotRun(reason) => eprintln!("== {name}: NOT RUN: {reason}"),
        }
        self.done.push(Done { name: name.to_owned(), end, took });
    }

    /// Prints a line per step.
    ///
    /// # Errors
    ///
    /// If a step failed.
    pub(crate) fn finish(self) -> Result<()> {
        println!();
        let mut failed = Vec::new();
        for Done { name, end, took } in &self.done {
            let took = seconds(*took);
            match end {
                End::Ok => println!("{name:<24} {:<6} {took:>8}", "ok"),
                End::Failed(_) => {
                    println!("{name:<24} FAILED {took:>8}");
                    failed.push(name.as_str());
                }
                End::NotRun(reason) => println!("{name:<24} NOT RUN: {reason}"),
            }
        }
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }
}

/// For a task that is one step: a step that cannot be run is an error.
pub(crate) fn must(ran: Ran) -> Result<()> {
    match ran {
        Ran::Yes => Ok(()),
        Ran::No(reason) => bail!("NOT RUN: {reason}"),
    }
}

/// Runs a command, and prints it and its time.
pub(crate) fn run(cmd: Cmd<'_>) -> Result<()> {
    check(status(cmd)?)
}

/// As [`run`], for a command that may fail.
pub(crate) fn status(cmd: Cmd<'_>) -> Result<ExitStatus> {
    let (start, mut command) = start(cmd);
    let status = command.status().context("the command could not be started")?;
    end(start);
    Ok(status)
}

/// As [`run`], and hands each line of the standard output to `see`.
pub(crate) fn run_seen(cmd: Cmd<'_>, mut see: impl FnMut(&str)) -> Result<()> {
    let (start, mut command) = start(cmd);
    let mut child =
        command.stdout(Stdio::piped()).spawn().context("the command could not be started")?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            see(&line);
        }
    }
    let status = child.wait()?;
    end(start);
    check(status)
}

/// Runs a command and returns what it printed.
pub(crate) fn read(cmd: Cmd<'_>) -> Result<String> {
    let (start, mut command) = start(cmd);
    let output =
        command.stderr(Stdio::inherit()).output().context("the command could not be started")?;
    end(start);
    check(output.status)?;
    Ok(String::from_utf8(output.stdout)?)
}

/// Fails with the line that installs `tool`, if it is not there.
pub(crate) fn need_tool(sh: &Shell, tool: &str, install: &str) -> Result<()> {
    let found = cmd!(sh, "{tool} --version").quiet().ignore_stdout().ignore_stderr().run();
    found.map_err(|_| anyhow!("`{tool}` is missing; it is installed with `{install}`"))
}

fn start(cmd: Cmd<'_>) -> (Instant, Command) {
    eprintln!("$ {cmd}");
    (now(), cmd.into())
}

fn end(start: Instant) {
    eprintln!("  {}", seconds(start.elapsed()));
}

fn check(status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("the command ended with {status}");
    }
    Ok(())
}

/// `1.2 s`
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
