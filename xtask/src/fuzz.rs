//! `cargo xtask fuzz`: broken headers for as long as one likes.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{flags, step};

impl flags::Fuzz {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let seconds = self.seconds.unwrap_or(30).to_string();
        // Another one each time: what the last run has tried need not be tried again.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seed = self.seed.unwrap_or(now.as_secs()).to_string();
        let fuzz =
            cmd!(sh, "cargo test --package lameduck-context --test fuzz --release -- --nocapture");
        step::run(fuzz.env("LAMEDUCK_FUZZ_SECONDS", seconds).env("LAMEDUCK_FUZZ_SEED", seed))
    }
}
