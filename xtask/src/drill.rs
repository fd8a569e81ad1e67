//! `cargo xtask drill`: stops servers whose clients are a round trip away.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{
    flags,
    step::{self, Ran},
    workspace::Workspace,
};

/// The drill's exit code for a system or a user that cannot run it.
const UNAVAILABLE: i32 = 3;

impl flags::Drill {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        match run(sh, self.quick, self.rtt.unwrap_or(20))? {
            Ran::Yes => Ok(()),
            Ran::No(reason) => bail!("not possible here: {reason}"),
        }
    }
}

/// Stops the demo server and a stock axum with lameduck's listener, both without a lame duck, which
/// is the hardest case. A stock axum is the control.
///
/// It takes about three minutes, and about 20 s with `quick`.
///
/// # Errors
///
/// If lameduck loses a request, or the control loses none.
pub(crate) fn run(sh: &Shell, quick: bool, rtt: u32) -> Result<Ran> {
    if !cfg!(target_os = "linux") {
        return Ok(Ran::No("only Linux has network namespaces".to_owned()));
    }
    let programs = Workspace::load(sh)?.target.join("debug");
    step::run(cmd!(
        sh,
        "cargo build --package demo-server --package lameduck-drill --features lameduck-drill/cli
         --bin lameduck-drill --bin demo-server --bin wrapped-axum --bin stock-axum"
    ))?;
    let [drill, own, wrapped, stock] =
        ["lameduck-drill", "demo-server", "wrapped-axum", "stock-axum"]
            .map(|name| programs.join(name));
    let rtt = &rtt.to_string();
    let check = cmd!(sh, "{drill} --rtt {rtt} --check").ignore_status().quiet().output()?;
    match check.status.code() {
        Some(0) => (),
        Some(UNAVAILABLE) => {
            return Ok(Ran::No(String::from_utf8_lossy(&check.stderr).trim().to_owned()));
        }
        _ => bail!("{}", String::from_utf8_lossy(&check.stderr).trim()),
    }
    let quick = &quick.then_some("--quick");
    // Both run, even if the first one loses a request.
    let first = step::run(cmd!(
        sh,
        "{drill} {quick...} --rtt {rtt} --control {stock} -- {own} --lame-duck 0"
    ));
    step::run(cmd!(sh, "{drill} {quick...} --rtt {rtt} -- {wrapped} --lame-duck 0"))?;
    first.map(|()| Ran::Yes)
}
