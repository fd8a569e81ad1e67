//! `cargo xtask test`: every test, with what it needs.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    counts::Counts,
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
