//! `cargo xtask msrv`: the workspace, with the oldest Rust that it supports.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    flags,
    step::{self, Ran},
    workspace::{Workspace, version},
};

impl flags::Msrv {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        step::must(run(sh)?)
    }
}

/// Checks every crate with the oldest Rust that any of them supports; those that need a newer one
/// are left out, and printed.
///
/// # Errors
///
/// If a crate does not compile.
pub(crate) fn run(sh: &Shell) -> Result<Ran> {
    let workspace = Workspace::load(sh)?;
    let oldest = workspace.packages.iter().map(|package| package.rust).min().unwrap_or_default();
    let Some(toolchain) = installed(sh, oldest) else {
        let (major, minor) = oldest;
        return Ok(Ran::No(format!(
            "Rust {major}.{minor} is not installed: `rustup toolchain install {major}.{minor}`"
        )));
    };
    let left_out = workspace.too_new_for(oldest);
    // Its artefacts would replace those of the other steps.
    let target = workspace.target.join("msrv");
    let toolchain = format!("+{toolchain}");
    let check =
        cmd!(sh, "cargo {toolchain} check --workspace --all-features --all-targets {left_out...}");
    step::run(check.env("CARGO_TARGET_DIR", target))?;
    Ok(Ran::Yes)
}

/// The name of the toolchain of that version, if rustup has one.
fn installed(sh: &Shell, wanted: (u32, u32)) -> Option<String> {
    let list = cmd!(sh, "rustup toolchain list").quiet().ignore_stderr().read().ok()?;
    let mut names = list.lines().filter_map(|line| line.split_whitespace().next());
    let found = names.rfind(|name| version(name.split('-').next().unwrap_or_default()) == wanted);
    found.map(str::to_owned)
}

/// The Rust that cargo uses now.
pub(crate) fn current(sh: &Shell) -> Result<(u32, u32)> {
    let text = cmd!(sh, "rustc --version").quiet().read()?;
    Ok(version(text.split_whitespace().nth(1).unwrap_or_default()))
}
