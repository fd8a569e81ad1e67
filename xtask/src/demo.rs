//! `cargo xtask demo`: a live server under load, stopped, and what became of each request.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{flags, step, workspace::Workspace};

impl flags::Demo {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh, self.runs.unwrap_or(1), self.plain)
    }
}

pub(crate) fn run(sh: &Shell, runs: u32, plain: bool) -> Result<()> {
    // Not optimised: that is built soonest, and a slower server only has more in flight to lose.
    let target = Workspace::load(sh)?.target;
    let drill = target.join("debug/lameduck-drill");
    let server = target.join("debug").join(if plain { "plain" } else { "quickstart" });
    let package = if plain { "lameduck-test" } else { "quickstart" };
    step::run(cmd!(sh, "cargo build --package {package}"))?;
    let features = ["--features", "drill"];
    step::run(cmd!(sh, "cargo build --package lameduck-test {features...} --bin lameduck-drill"))?;
    let runs = runs.to_string();
    step::run(cmd!(sh, "{drill} --runs {runs} -- {server}"))
}
