//! `cargo xtask ci`: what CI runs, in its order.
//!
//! Steps that need the same artefacts follow each other. What takes seconds comes first, and the
//! tests last, so that their counts are the last lines.

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{
    api,
    counts::Counts,
    demo, deny, features, flags, msrv, package, readme,
    step::{self, Steps},
    targets, test, tidy, typos,
};

impl flags::Ci {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        let mut steps = Steps::default();
        let mut counts = Counts::default();
        steps.run("fmt", || step::run(cmd!(sh, "cargo fmt --all --check")));
        steps.run("tidy", || tidy::run(sh));
        steps.run("clippy", || {
            let flags = ["--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
            step::run(cmd!(sh, "cargo clippy {flags...}"))
        });
        if self.fast {
            steps.run("test", || test::workspace(sh, &mut counts));
            return steps.finish();
        }
        steps.run("readme", || readme::check(sh));
        steps.run("doc", || {
            let doc = cmd!(sh, "cargo doc --workspace --all-features --no-deps");
            step::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
        });
        steps.run_if_possible("api", || api::check(sh));
        steps.run("features", || features::run(sh));
        targets::run(sh, &mut steps);
        steps.run_if_possible("msrv", || msrv::run(sh));
        steps.run_if_possible("typos", || typos::run(sh));
        steps.run_if_possible("deny", || deny::run(sh));
        steps.run_if_possible("advisories", || deny::advisories(sh));
        steps.run("package", || package::run(sh));
        steps.run("demo", || demo::run(sh, 1, &demo::Server::DEFAULT));
        test::run(sh, &mut steps, &mut counts)?;
        let finished = steps.finish();
        println!("{}", counts.summary());
        finished
    }
}
