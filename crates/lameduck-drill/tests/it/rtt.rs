//! The drill at a round-trip time, as far as it needs no privilege.

use std::{
    fs::File,
    os::{fd::AsRawFd as _, unix::process::CommandExt as _},
    process::{Command, Output},
};

const DRILL: &str = env!("CARGO_BIN_EXE_lameduck-rtt");

/// Runs the drill as somebody who may nothing.
fn unprivileged(args: &[&str]) -> Output {
    // It may lie where nobody else may look.
    let program = File::open(DRILL).expect("it was built");
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    command.args(args).output().expect("it starts")
}

#[test]
fn without_the_right_to_make_a_network_the_drill_says_so_and_has_no_verdict() {
    for args in [&["--check"][..], &["--", "/bin/true"]] {
        let output = unprivileged(args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("it takes root to make a network namespace"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn arguments_that_are_wrong_are_named() {
    for (args, expected) in [
        (&["--rtt", "fast"][..], "`--rtt` needs a number"),
        (&["--loud"], "unknown option `--loud`"),
        (&["--quick"], "no program: write `-- PROGRAM`"),
    ] {
        let output = Command::new(DRILL).args(args).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(expected), "{output:?}");
    }
}
