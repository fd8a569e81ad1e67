//! `cargo xtask features`: each feature of each crate alone.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{flags, step, workspace::Workspace};

impl flags::Features {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh)
    }
}

/// Checks every published crate with no feature, with each one alone, and with all.
///
/// # Errors
///
/// Names every choice that does not compile, not only the first.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    let mut failed = Vec::new();
    for package in Workspace::load(sh)?.published() {
        let name = &package.name;
        let alone = package.features.iter().filter(|feature| *feature != "default");
        let choices = alone.map(|feature| vec!["--no-default-features", "--features", feature]);
        let choices =
            [vec!["--no-default-features"], vec!["--all-features"]].into_iter().chain(choices);
        for choice in choices {
            let flags = &choice;
            let check = cmd!(sh, "cargo check --quiet --package {name} {flags...}");
            if step::run(check).is_err() {
                failed.push(format!("{name} {}", choice.join(" ")));
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("does not compile: {}", failed.join("; ")) }
}
