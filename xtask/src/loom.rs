//! `cargo xtask loom`: the atomics, under every order of events.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{
    counts::Counts,
    flags, step,
    workspace::{Package, Workspace},
};

impl flags::Loom {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh, &mut Counts::default())
    }
}

/// Runs the test binary `loom` of every crate that has one.
pub(crate) fn run(sh: &Shell, counts: &mut Counts) -> Result<()> {
    let workspace = Workspace::load(sh)?;
    let modelled: Vec<&Package> = workspace
        .packages
        .iter()
        .filter(|package| package.tests.iter().any(|name| name == "loom"))
        .collect();
    if modelled.is_empty() {
        bail!("no crate has a test binary `loom`");
    }
    // A folder of its own: other flags would make cargo build everything anew, here and after.
    let target = workspace.target.join("loom");
    for Package { name, .. } in modelled {
        eprintln!("RUSTFLAGS=\"--cfg loom\"");
        let tests = cmd!(sh, "cargo test --package {name} --test loom --release")
            .env("RUSTFLAGS", "--cfg loom")
            .env("CARGO_TARGET_DIR", &target);
        step::run_seen(tests, |line| counts.see(line))?;
    }
    Ok(())
}
