//! The project's own tasks. `cargo xtask help` lists them.
//!
//! One file per command. Each step prints its command and its time. A tool that is missing is
//! reported with the line that installs it. Only what a step says that it installs is installed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks on its output")]

mod api;
mod ci;
mod counts;
mod demo;
mod deny;
mod drill;
mod features;
#[expect(unreachable_pub, reason = "what xflags generates is `pub`")]
mod flags;
mod fuzz;
mod help;
mod loom;
mod msrv;
mod needs;
mod package;
mod perf;
mod readme;
mod step;
mod targets;
mod test;
mod tidy;
mod tools;
mod tree;
mod typos;
mod workspace;

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use xshell::Shell;

fn main() -> ExitCode {
    if let Some(code) = api::as_rustdoc() {
        return code;
    }
    match run(flags::Xtask::from_env_or_exit()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: flags::Xtask) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(root());
    match flags.subcommand {
        flags::XtaskCmd::Help(cmd) => cmd.run(),
        flags::XtaskCmd::Demo(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Drill(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Test(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Ci(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Tidy(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Readme(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Loom(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Features(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Api(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Package(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Typos(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Deny(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Msrv(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Targets(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Fuzz(cmd) => cmd.run(&sh),
        flags::XtaskCmd::Perf(cmd) => cmd.run(&sh),
    }
}

/// The root of the workspace: tasks may be started from any folder below it.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}
