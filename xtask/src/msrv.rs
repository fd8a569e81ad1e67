//! `cargo xtask msrv`: the workspace, with the oldest Rust that it supports.

use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::{Cmd, Shell, cmd};

use crate::{
    flags, needs,
    step::{self, Ran},
    workspace::{Workspace, version},
};

/// Debian's packages of the Rust that it keeps for browsers, with the libraries that cargo needs.
/// They are unpacked, not installed: nothing of the system changes.
const DEBIAN: [&str; 8] = [
    "rustc-web",
    "cargo-web",
    "libstd-rust-web-dev",
    "libstd-rust-web-1.85",
    "libllvm19",
    "libhttp-parser2.9",
    "libpcre3",
    "libssh2-1",
];
/// Where they have their libraries.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];

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
    let (major, minor) = oldest;
    let tools = workspace.target.join("tools").join(format!("rust-{major}.{minor}"));
    let check = ["check", "--workspace", "--all-features", "--all-targets"];
    let left_out = workspace.too_new_for(oldest);
    let check = if let Some(toolchain) = installed(sh, oldest) {
        let toolchain = format!("+{toolchain}");
        cmd!(sh, "cargo {toolchain} {check...} {left_out...}")
    } else if unpack(sh, oldest, &tools) && works(unpacked(sh, &tools)?) {
        unpacked(sh, &tools)?.args(check).args(left_out)
    } else {
        return Ok(Ran::No(format!(
            "Rust {major}.{minor} is not installed: `rustup toolchain install {major}.{minor}`"
        )));
    };
    // A folder of its own: the artefacts would replace those of the other steps.
    step::run(check.env("CARGO_TARGET_DIR", workspace.target.join("msrv")))?;
    Ok(Ran::Yes)
}

/// The name of the toolchain of that version, if rustup has one.
fn installed(sh: &Shell, wanted: (u32, u32)) -> Option<String> {
    let list = cmd!(sh, "rustup toolchain list").quiet().ignore_stderr().read().ok()?;
    let mut names = list.lines().filter_map(|line| line.split_whitespace().next());
    let found = names.rfind(|name| version(name.split('-').next().unwrap_or_default()) == wanted);
    found.map(str::to_owned)
}

/// Unpacks Debian's Rust into a folder, if it is the wanted one.
fn unpack(sh: &Shell, wanted: (u32, u32), folder: &Path) -> bool {
    if sh.path_exists(folder.join("usr/bin/cargo")) {
        return true;
    }
    let offered = || {
        let policy = cmd!(sh, "apt-cache policy rustc-web").quiet().ignore_stderr().read();
        let policy = policy.unwrap_or_default();
        let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
        version(candidate.unwrap_or_default())
    };
    if offered() != wanted && needs::can_install(sh) {
        let _ = step::run(cmd!(sh, "apt-get update --quiet --quiet"));
    }
    if offered() != wanted || !cfg!(target_arch = "x86_64") {
        return false;
    }
    println!("Unpacked now, from Debian into {}: {}.", folder.display(), DEBIAN.join(", "));
    let packages = folder.join("packages");
    sh.create_dir(&packages).is_ok() && download(sh, folder, &packages).is_ok()
}

fn download(sh: &Shell, folder: &Path, packages: &Path) -> Result<()> {
    let _folder = sh.push_dir(packages);
    step::run(cmd!(sh, "apt-get download --quiet --quiet {DEBIAN...}"))?;
    for package in sh.read_dir(packages)? {
        cmd!(sh, "dpkg --extract {package} {folder}").quiet().run()?;
    }
    Ok(())
}

/// The cargo that was unpacked, with its compiler.
fn unpacked<'a>(sh: &'a Shell, folder: &Path) -> Result<Cmd<'a>> {
    let cargo = folder.join("usr/bin/cargo");
    let libraries: Vec<PathBuf> = LIBRARIES.iter().map(|path| folder.join(path)).collect();
    let cargo = cmd!(sh, "{cargo}")
        .env("RUSTC", folder.join("usr/bin/rustc"))
        .env("LD_LIBRARY_PATH", std::env::join_paths(libraries)?);
    Ok(cargo)
}

/// Whether it finds its libraries.
fn works(cargo: Cmd<'_>) -> bool {
    cargo.arg("--version").quiet().ignore_stdout().ignore_stderr().run().is_ok()
}

/// The Rust that cargo uses now.
pub(crate) fn current(sh: &Shell) -> Result<(u32, u32)> {
    let text = cmd!(sh, "rustc --version").quiet().read()?;
    Ok(version(text.split_whitespace().nth(1).unwrap_or_default()))
}
