//! `cargo xtask typos`: the spelling of code and pages. What is no error stands in `typos.toml`.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    flags,
    step::{self, Ran},
    tools::Tool,
};

const TYPOS: Tool = Tool { program: "typos", package: "typos-cli", version: "1.52.0" };

impl flags::Typos {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        step::must(run(sh)?)
    }
}

/// Checks every file that git does not ignore.
///
/// # Errors
///
/// If a word is misspelt.
pub(crate) fn run(sh: &Shell) -> Result<Ran> {
    match TYPOS.get(sh)? {
        Ok(typos) => step::run(cmd!(sh, "{typos} --format brief")).map(|()| Ran::Yes),
        Err(reason) => Ok(Ran::No(reason)),
    }
}
