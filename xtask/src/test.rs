//! `cargo xtask test`: every test, with what it needs.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    counts::Counts,
    drill, flags, loom, msrv,
    needs::{self, Need},
    step::{self, Steps},
    workspace::Workspace,
};

impl flags::Test {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let mut steps = Steps::default();
        let mut counts = Counts::default();
        run(sh, &mut steps, &mut counts)?;
        let finished = steps.finish();
        println!("{}", counts.summary());
        finished
    }
}

/// Installs what is missing, and runs every test.
pub(crate) fn run(sh: &Shell, steps: &mut Steps, counts: &mut Counts) -> Result<()> {
    let missing = needs::missing();
    announce(sh, &missing)?;
    if !missing.is_empty() {
        steps.run("install", || needs::install(sh, &missing));
    }
    steps.run("tests and doctests", || workspace(sh, counts));
    steps.run("loom", || loom::run(sh, counts));
    steps.run_if_possible("drill at 20 ms", || drill::run(sh, true, 20));
    Ok(())
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
    let too_new = Workspace::load(sh)?.too_new_for(msrv::current(sh)?);
    let tests = cmd!(sh, "cargo test --workspace --all-features --no-fail-fast {too_new...}");
    step::run_seen(tests, |line| counts.see(line))
}
