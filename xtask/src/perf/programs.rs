//! The programs that are measured.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::{step, workspace::Workspace};

/// The binaries of `lameduck-perf`.
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    pub(super) fn build(sh: &Shell) -> Result<Self> {
        // One after the other: built at once, each would have the features that the other asks for.
        for package in ["lameduck-perf", "lameduck-perf-peer"] {
            step::run(cmd!(sh, "cargo build --package {package} --bins --profile perf"))
                .with_context(|| format!("{package} does not build"))?;
        }
        Ok(Self { folder: Workspace::load(sh)?.target.join("perf") })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
