//! `cargo xtask package`: every crate as a registry would get it.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{flags, step, workspace::Workspace};

impl flags::Package {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh)
    }
}

/// Packages every published crate, and builds each from its package, with the others' packages as
/// its dependencies.
///
/// # Errors
///
/// If a crate cannot be packaged or does not build.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    let workspace = Workspace::load(sh)?;
    // By name: with `--workspace` cargo also packages what is never published.
    let names = workspace.published().flat_map(|package| ["--package", &package.name]);
    // Uncommitted changes are packaged as they are, so that it can be run before a commit.
    step::run(cmd!(sh, "cargo package --allow-dirty --quiet {names...}"))
}
