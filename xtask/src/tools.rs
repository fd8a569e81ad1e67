//! Programs from crates.io that a step needs, in `target/tools`.

use std::path::PathBuf;

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{step, workspace::Workspace};

/// A program and the package that has it, in the version that the project uses.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
}

impl Tool {
    /// Where the program is. Installs it first if it is not there; the inner error says why that is
    /// not possible.
    pub(crate) fn get(&self, sh: &Shell) -> Result<Result<PathBuf, String>> {
        let Self { program, package, version } = self;
        let root = Workspace::load(sh)?.target.join("tools");
        let path = root.join("bin").join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
        let found = cmd!(sh, "{path} --version").quiet().ignore_stderr().read();
        if found.is_ok_and(|found| found.ends_with(version)) {
            return Ok(Ok(path));
        }
        println!("Installed now, from crates.io into {}: {package} {version}.", root.display());
        let install =
            cmd!(sh, "cargo install {package} --version {version} --locked --root {root} --quiet");
        Ok(match step::run(install) {
            Ok(()) => Ok(path),
            Err(error) => Err(format!("{package} {version} cannot be installed: {error}")),
        })
    }
}
