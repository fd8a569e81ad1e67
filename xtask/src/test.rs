//! `cargo xtask test`: every test, with what it needs.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    drill, flags, loom,
    needs::{self, Need},
    step::{self, Steps},
};

impl flags::Test {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let missing = needs::missing();
        announce(sh, &missing)?;
        let mut steps = Steps::default();
        if !missing.is_empty() {
            steps.run("install", || needs::install(sh, &missing));
        }
        let mut counts = Counts::default();
        steps.run("tests and doctests", || workspace(sh, &mut counts));
        steps.run("loom", || loom::run(sh, &mut counts));
        steps.run_if_possible("drill at 20 ms", || drill::run(sh, true, 20));
        let finished = steps.finish();
        println!("{}", counts.summary());
        finished
    }
}

/// Says what is installed, before it is.
fn announce(sh: &Shell, missing: &[Need]) -> Result<()> {
    let lock = sh.read_file("Cargo.lock")?;
    let fetched = lock.lines().filter(|line| line.starts_with("source = ")).count();
    println!("This needs Rust and cargo, a linker (`cc`), {}.", needs::names());
    match missing {
        [] => println!("Nothing is installed."),
        missing if needs::can_install(sh) => {
            println!(
                "Installed now, by the system's package manager: {}.",
                needs::packages(missing)
            );
        }
        missing => println!("Missing, and what needs it will fail: {}.", needs::packages(missing)),
    }
    println!(
        "What is not in cargo's cache yet, cargo fetches: of the {fetched} crates in Cargo.lock \
         those that this system needs."
    );
    Ok(())
}

/// Unit, integration and doc tests, and the drills in `examples/`.
pub(crate) fn workspace(sh: &Shell, counts: &mut Counts) -> Result<()> {
    let tests = cmd!(sh, "cargo test --workspace --all-features --no-fail-fast");
    step::run_seen(tests, |line| counts.see(line))
}

/// What the test binaries said at their end, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
    binaries: u64,
}

impl Counts {
    pub(crate) fn see(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        self.binaries += 1;
        self.passed += number_before(result, " passed");
        self.failed += number_before(result, " failed");
        self.ignored += number_before(result, " ignored");
    }

    fn summary(&self) -> String {
        let Self { passed, failed, ignored, binaries } = self;
        format!("{passed} tests passed, {failed} failed, {ignored} ignored, in {binaries} binaries")
    }
}

/// The number that stands before `word`, or zero.
fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().filter(|before| before.len() < text.len());
    before.and_then(|before| before.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_all_binaries_are_summed_up() {
        let mut counts = Counts::default();
        counts.see("running 3 tests");
        counts.see("test a_test ... ok");
        counts.see("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        counts.see("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered");
        assert_eq!(counts, Counts { passed: 15, failed: 2, ignored: 1, binaries: 2 });
        assert_eq!(counts.summary(), "15 tests passed, 2 failed, 1 ignored, in 2 binaries");
    }
}
