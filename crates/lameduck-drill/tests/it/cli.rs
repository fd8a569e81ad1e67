//! The program `lameduck-drill`: its arguments, its output and its exit codes.

use std::process::{Command, Output};

const DRILL: &str = env!("CARGO_BIN_EXE_lameduck-drill");

/// A program that ends with exit code 0 at SIGTERM and answers no request.
const SILENT: [&str; 3] = [
    "/bin/sh",
    "-c",
    "trap 'exit 0' TERM; echo listening on http://127.0.0.1:1; while :; do sleep 0.02; done",
];

fn run(args: &[&str]) -> Output {
    Command::new(DRILL).args(args).output().expect("it was built")
}

/// The exit code, and what was printed on both outputs.
fn code_and_text(args: &[&str]) -> (Option<i32>, String) {
    let output = run(args);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn the_help_fits_a_screen() {
    let (code, text) = code_and_text(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("Usage: lameduck-drill [OPTIONS] -- PROGRAM"), "{text}");
    assert!(text.lines().count() <= 40, "{} lines:\n{text}", text.lines().count());
    for line in text.lines() {
        assert!(line.len() <= 100, "{line}");
    }
}

#[test]
fn wrong_arguments_are_named_and_end_with_code_2() {
    for (args, expected) in [
        (&[][..], "PROGRAM"),
        (&["--"], "PROGRAM"),
        (&["--clients", "x", "--", "true"], "--clients"),
        (&["--clients", "0", "--", "true"], "--clients"),
        (&["--only", "smtp", "--", "true"], "smtp"),
        (&["--path", "users", "--", "true"], "slash"),
        (&["--rtt", "fast", "--", "true"], "--rtt"),
        (&["--quick", "--", "true"], "--rtt"),
        (&["--rtt", "20", "--clients", "3", "--", "true"], "--clients"),
        (&["--loud"], "--loud"),
        (&["--", "/there/is/no/such/program"], "cannot be started"),
    ] {
        let (code, text) = code_and_text(args);
        assert_eq!(code, Some(2), "{args:?}: {text}");
        assert!(text.contains(expected), "{args:?}: {text}");
    }
}

#[test]
fn the_verdict_is_the_exit_code_and_can_be_json() {
    let options = ["--json", "--clients", "2", "--signal-after", "100", "--runs", "2", "--"];
    let output = run(&[&options[..], &SILENT[..]].concat());
    assert_eq!(output.status.code(), Some(1), "no request was answered: {output:?}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(json["passed"], false);
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["runs"][0]["total"]["lost"], 0);
    assert_eq!(json["runs"][1]["exit_code"], 0);
    assert_eq!(json["runs"][0]["by_scenario"][0]["name"], "keep_alive");
}

#[test]
fn a_pipe_gets_no_colours() {
    let options = ["--clients", "2", "--signal-after", "100", "--"];
    let output = run(&[&options[..], &SILENT[..]].concat());
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("no request was answered"), "{text}");
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn a_closed_pipe_does_not_change_the_exit_code() {
    let script = r#""$0" --help | true; test "${PIPESTATUS[0]}" = 0"#;
    let status = Command::new("bash").args(["-c", script, DRILL]).status();
    let Ok(status) = status else { return }; // A system without bash.
    assert!(status.success(), "{status}");
}

#[cfg(target_os = "linux")]
mod round_trip {
    //! The drill at a round-trip time, as far as it needs no privilege.

    use std::{
        fs::File,
        os::{fd::AsRawFd as _, unix::process::CommandExt as _},
        process::{Command, Output},
    };

    use super::DRILL;

    /// Runs the drill as a user without any privilege.
    fn unprivileged(args: &[&str]) -> Output {
        // The user may not open the folder of the program.
        let program = File::open(DRILL).expect("it was built");
        let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
        if rustix::process::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        command.args(args).output().expect("it starts")
    }

    #[test]
    fn without_the_right_to_make_a_network_the_drill_says_so_and_has_no_verdict() {
        for args in [&["--rtt", "20", "--check"][..], &["--rtt", "20", "--", "/bin/true"]] {
            let output = unprivileged(args);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(3), "{stderr}");
            assert!(stderr.contains("root is needed to make a network namespace"), "{stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
            assert!(output.stdout.is_empty(), "{output:?}");
        }
    }
}
