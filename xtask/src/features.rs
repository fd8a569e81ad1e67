//! `cargo xtask features`: each feature of each crate alone.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{flags, step, workspace::Workspace};

impl flags::Features {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh)
    }
}

/// Checks every published crate with no feature, with each one alone, and with all.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    for package in Workspace::load(sh)?.published() {
        let name = &package.name;
        step::run(cmd!(sh, "cargo check --quiet --package {name} --no-default-features"))?;
        for feature in package.features.iter().filter(|feature| *feature != "default") {
            step::run(cmd!(
                sh,
                "cargo check --quiet --package {name} --no-default-features --features {feature}"
            ))?;
        }
        step::run(cmd!(sh, "cargo check --quiet --package {name} --all-features"))?;
    }
    Ok(())
}
