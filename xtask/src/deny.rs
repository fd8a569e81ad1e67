//! `cargo xtask deny`: licences, sources and advisories of our dependencies, as `deny.toml` says.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    flags,
    step::{self, Ran},
    tools::Tool,
};

const DENY: Tool = Tool { program: "cargo-deny", package: "cargo-deny", version: "0.18.3" };

impl flags::Deny {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        step::must(run(sh)?)?;
        step::must(advisories(sh)?)
    }
}

/// Checks licences, sources, and that no crate is there twice without need.
///
/// # Errors
///
/// If `deny.toml` forbids something.
pub(crate) fn run(sh: &Shell) -> Result<Ran> {
    match DENY.get(sh)? {
        Ok(deny) => {
            step::run(cmd!(sh, "{deny} --all-features check bans licenses sources"))?;
            Ok(Ran::Yes)
        }
        Err(reason) => Ok(Ran::No(reason)),
    }
}

/// Checks against the advisory database, which is fetched from a forge.
///
/// # Errors
///
/// If an advisory concerns us.
pub(crate) fn advisories(sh: &Shell) -> Result<Ran> {
    let deny = match DENY.get(sh)? {
        Ok(deny) => deny,
        Err(reason) => return Ok(Ran::No(reason)),
    };
    if step::run(cmd!(sh, "{deny} --all-features fetch db")).is_err() {
        return Ok(Ran::No("the advisory database cannot be fetched".to_owned()));
    }
    step::run(cmd!(sh, "{deny} --all-features check --disable-fetch advisories"))?;
    Ok(Ran::Yes)
}
