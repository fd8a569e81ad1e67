//! `cargo xtask drill`: stops servers whose clients are a round trip away.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{
    flags,
    step::{self, Ran},
    workspace::Workspace,
};

impl flags::Drill {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        match run(sh, self.quick, self.rtt.unwrap_or(20))? {
            Ran::Yes => Ok(()),
            Ran::No(reason) => bail!("cannot be run here: {reason}"),
        }
    }
}

/// Stops the demo-server, which is a server of our own, and a stock axum with our listener, both
/// without a lame duck, which is the hardest; and a stock axum beside them.
///
/// Some three minutes; a third of one if `quick`.
pub(crate) fn run(sh: &Shell, quick: bool, rtt: u32) -> Result<Ran> {
    if !cfg!(target_os = "linux") {
        return Ok(Ran::No("network namespaces are Linux's".to_owned()));
    }
    let programs = Workspace::load(sh)?.target.join("debug");
    let features = "lameduck-drill/app,lameduck-drill/rtt";
    step::run(cmd!(
        sh,
        "cargo build --package demo-server --package axum-stock --package lameduck-drill
         --features {features} --bin demo-server --bin axum-stock --bin lameduck-rtt
         --bin stock-axum"
    ))?;
    let [drill, own, stock] =
        ["lameduck-rtt", "demo-server", "axum-stock"].map(|name| programs.join(name));
    let check = cmd!(sh, "{drill} --check").ignore_status().quiet().output()?;
    if !check.status.success() {
        return Ok(Ran::No(String::from_utf8_lossy(&check.stderr).trim().to_owned()));
    }
    let plain = programs.join("stock-axum");
    let quick = &quick.then_some("--quick");
    let rtt = &rtt.to_string();
    let control = ["--control".as_ref(), plain.as_os_str()];
    // Both, whatever the first one loses.
    let first =
        step::run(cmd!(sh, "{drill} {quick...} --rtt {rtt} {control...} -- {own} --lame-duck 0"));
    step::run(cmd!(sh, "{drill} {quick...} --rtt {rtt} -- {stock} --lame-duck 0"))?;
    first.map(|()| Ran::Yes)
}
