//! `cargo xtask ci`: what CI runs, in its order.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    counts::Counts,
    demo, drill, features, flags, loom, readme,
    step::{self, Steps},
    test, tidy,
};

impl flags::Ci {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let mut steps = Steps::default();
        let mut counts = Counts::default();
        steps.run("fmt", || step::run(cmd!(sh, "cargo fmt --all --check")));
        steps.run("clippy", || {
            let flags = ["--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
            step::run(cmd!(sh, "cargo clippy {flags...}"))
        });
        steps.run("tidy", || tidy::run(sh));
        if self.fast {
            steps.run("test", || test::workspace(sh, &mut counts));
            return steps.finish();
        }
        steps.run("readme", || readme::check(sh));
        steps.run("doc", || {
            let doc = cmd!(sh, "cargo doc --workspace --all-features --no-deps");
            step::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
        });
        steps.run("test and doctest", || test::workspace(sh, &mut counts));
        steps.run("loom", || loom::run(sh, &mut counts));
        steps.run("features", || features::run(sh));
        steps.run("demo", || demo::run(sh, 1, &demo::Server::DEFAULT));
        steps.run_if_possible("drill at 20 ms", || drill::run(sh, true, 20));
        steps.finish()
    }
}
