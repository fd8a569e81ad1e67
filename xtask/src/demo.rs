//! `cargo xtask demo`: a live server under load, stopped, and what became of each request.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{flags, step, workspace::Workspace};

/// The drill's exit code for a stop that lost requests, or that ended with an error.
const LOST: i32 = 1;

impl flags::Demo {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh, self.runs.unwrap_or(1), self.plain)
    }
}

/// Stops the quickstart so many times, or the stock server if `plain`.
pub(crate) fn run(sh: &Shell, runs: u32, plain: bool) -> Result<()> {
    if !cfg!(unix) {
        bail!("the demo sends SIGTERM, which only Unix has");
    }
    // Not optimised: that is built soonest, and a slow server has more in flight to lose.
    let programs = Workspace::load(sh)?.target.join("debug");
    let (server, kind) = if plain { ("plain-axum", "--example") } else { ("quickstart", "--bin") };
    let features = "lameduck-test/app,lameduck-test/drill";
    step::run(cmd!(
        sh,
        "cargo build --package quickstart --package lameduck-test --features {features}
         --bin lameduck-drill {kind} {server}"
    ))?;
    let server = if plain { programs.join("examples").join(server) } else { programs.join(server) };
    let drill = programs.join("lameduck-drill");
    let runs = runs.to_string();
    let verdict = step::status(cmd!(sh, "{drill} --runs {runs} -- {server}"))?;
    match verdict.code() {
        Some(0) => Ok(()),
        // What a stock server loses is what is shown.
        Some(LOST) if plain => Ok(()),
        _ => bail!("the drill ended with {verdict}"),
    }
}
