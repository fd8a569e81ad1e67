//! `cargo xtask demo`: a live server under load, stopped, and what became of each request.

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{flags, step, workspace::Workspace};

/// The drill's exit code for a stop that lost requests, or that ended with an error.
const LOST: i32 = 1;

impl flags::Demo {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh, self.runs.unwrap_or(1), Server::of(&self)?)
    }
}

/// Whose stop is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Server {
    /// The demo-server, on the loop of our own.
    Ours,
    /// Stock axum in our listener and layer.
    Wrapped,
    /// Stock axum with its own graceful shutdown.
    Plain,
}

impl Server {
    fn of(demo: &flags::Demo) -> Result<Self> {
        match (demo.plain, demo.wrapped) {
            (true, true) => bail!(
                "--plain and --wrapped name two servers, and one is shown: leave one of them out"
            ),
            (true, false) => Ok(Self::Plain),
            (false, true) => Ok(Self::Wrapped),
            (false, false) => Ok(Self::Ours),
        }
    }

    /// The binary's name.
    const fn target(self) -> &'static str {
        match self {
            Self::Ours => "demo-server",
            Self::Wrapped => "wrapped-axum",
            Self::Plain => "stock-axum",
        }
    }
}

/// Stops that server so many times.
pub(crate) fn run(sh: &Shell, runs: u32, server: Server) -> Result<()> {
    if !cfg!(unix) {
        bail!("the demo sends SIGTERM, which only Unix has");
    }
    // Not optimised: that is built soonest, and a slow server has more in flight to lose.
    let programs = Workspace::load(sh)?.target.join("debug");
    let name = server.target();
    let features = "lameduck-drill/app,lameduck-drill/drill";
    step::run(cmd!(
        sh,
        "cargo build --package demo-server --package lameduck-drill --features {features}
         --bin lameduck-drill --bin {name}"
    ))?;
    let program = programs.join(name);
    let drill = programs.join("lameduck-drill");
    let runs = runs.to_string();
    let verdict = step::status(cmd!(sh, "{drill} --runs {runs} -- {program}"))?;
    match verdict.code() {
        Some(0) => Ok(()),
        // What a stock server loses is what is shown.
        Some(LOST) if server == Server::Plain => Ok(()),
        _ => bail!("the drill ended with {verdict}"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn server(args: &[&str]) -> Result<Server> {
        let args = args.iter().map(OsString::from).collect();
        match flags::Xtask::from_vec(args)?.subcommand {
            flags::XtaskCmd::Demo(demo) => Server::of(&demo),
            other => bail!("{other:?} is not the demo"),
        }
    }

    #[test]
    fn one_server_is_shown_and_two_are_an_error_that_names_both() {
        assert_eq!(server(&["demo"]).unwrap(), Server::Ours);
        assert_eq!(server(&["demo", "--plain"]).unwrap(), Server::Plain);
        assert_eq!(server(&["demo", "--wrapped"]).unwrap(), Server::Wrapped);
        for both in [["demo", "--plain", "--wrapped"], ["demo", "--wrapped", "--plain"]] {
            let error = server(&both).unwrap_err().to_string();
            assert!(error.contains("--plain") && error.contains("--wrapped"), "{error}");
            assert!(error.contains("leave one of them out"), "{error}");
        }
    }
}
