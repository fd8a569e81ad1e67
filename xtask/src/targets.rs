//! `cargo xtask targets`: the portable crates, for the systems that are not this one.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    flags,
    step::{self, Ran, Steps},
    workspace::{Package, Workspace},
};

const TARGETS: [&str; 3] =
    ["x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];
/// Needs a C compiler for the target.
const NEEDS_C: [&str; 2] = ["tls-ring", "tls"];
/// Linux alone has what it is made of.
const LINUX_ONLY: [&str; 1] = ["lameduck-drill"];

impl flags::Targets {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let mut steps = Steps::default();
        run(sh, &mut steps);
        steps.finish()
    }
}

/// A step for each target.
pub(crate) fn run(sh: &Shell, steps: &mut Steps) {
    for target in TARGETS {
        steps.run_if_possible(target, || check(sh, target));
    }
}

/// Checks for one target, if its standard library is installed.
fn check(sh: &Shell, target: &str) -> Result<Ran> {
    let sysroot = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    if !sh.path_exists(format!("{sysroot}/lib/rustlib/{target}/lib")) {
        return Ok(Ran::No(format!("`rustup target add {target}` installs what it needs")));
    }
    let workspace = Workspace::load(sh)?;
    let portable = || workspace.published().filter(|it| !LINUX_ONLY.contains(&it.name.as_str()));
    let packages = portable().flat_map(|package| ["--package", &package.name]);
    let features = features(portable());
    step::run(cmd!(sh, "cargo check --quiet --target {target} {packages...} {features...}"))?;
    Ok(Ran::Yes)
}

/// All features that need no C compiler, as arguments.
fn features<'a>(packages: impl Iterator<Item = &'a Package>) -> Vec<String> {
    packages
        .flat_map(|package| {
            let features = package.features.iter().filter(|it| {
                // A leaf's `tls` has no provider of its own, and so no C.
                !NEEDS_C.contains(&it.as_str()) || package.name == "lameduck-server" && *it == "tls"
            });
            features.map(|feature| format!("--features={}/{feature}", package.name))
        })
        .collect()
}
