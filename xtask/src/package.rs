//! `cargo xtask package`: every crate as a registry would get it.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{flags, step};

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
    // Uncommitted changes are packaged as they are, so that it can be run before a commit.
    step::run(cmd!(sh, "cargo package --workspace --allow-dirty --quiet"))
}
