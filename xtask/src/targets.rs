//! `cargo xtask targets`: the portable crates, for the systems that are not this one.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{
    flags,
    step::{self, Ran},
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
        step::must(run(sh)?)
    }
}

/// Checks for each target whose standard library is installed.
///
/// # Errors
///
/// Names every target for which a crate does not compile.
pub(crate) fn run(sh: &Shell) -> Result<Ran> {
    let workspace = Workspace::load(sh)?;
    let libraries = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    let is_installed =
        |target: &&str| sh.path_exists(format!("{libraries}/lib/rustlib/{target}/lib"));
    let (here, missing): (Vec<&str>, Vec<&str>) = TARGETS.into_iter().partition(is_installed);
    for target in missing {
        println!("NOT RUN: {target}: `rustup target add {target}`");
    }
    if here.is_empty() {
        return Ok(Ran::No(format!("none of {} is installed", TARGETS.join(", "))));
    }
    let portable = || workspace.published().filter(|it| !LINUX_ONLY.contains(&it.name.as_str()));
    let packages = portable().flat_map(|package| ["--package", &package.name]);
    let (packages, features) = (&packages.collect::<Vec<_>>(), &features(portable()));
    let mut failed = Vec::new();
    for target in here {
        let check = cmd!(sh, "cargo check --quiet --target {target} {packages...} {features...}");
        if step::run(check).is_err() {
            failed.push(target);
        }
    }
    if failed.is_empty() { Ok(Ran::Yes) } else { bail!("does not compile: {}", failed.join(", ")) }
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
