//! The drill: real processes, real signals.

use std::{path::PathBuf, process::Command, time::Duration};

use lameduck_drill::{Kind, drill::Drill};

/// How often the stock server is stopped before it has to have lost something.
const TRIES: u64 = 10;

/// The path of the stock server, built if it is missing.
fn stock_axum() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "demo-server", "--bin", "stock-axum"])
        .status()
        .expect("cargo runs");
    assert!(built.success());
    // This test is `PROFILE/deps/it-HASH`.
    let test = std::env::current_exe().expect("it runs");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("two folders up");
    profile.join("stock-axum")
}

/// A program that is a shell script.
fn script(text: &str) -> Drill {
    Drill::new("/bin/sh")
        .with_args(["-c", text])
        .with_clients(2)
        .with_burst(0)
        .with_signal_after(Duration::from_millis(100))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drill_finds_what_a_stock_server_loses() {
    let server = stock_axum();
    for seed in 1..=TRIES {
        let drill = Drill::new(&server)
            .with_seed(seed)
            .with_clients(24)
            .with_signal_after(Duration::from_millis(300));
        let report = drill.run(|_| ()).await.expect("it starts");
        let total = report.verdict.total;
        assert_eq!(report.exit_code, Some(0), "{report}");
        assert!(total.answered > 0, "{report}");
        let ends = total.answered + total.rejected + total.refused + total.lost;
        assert_eq!(total.sent, ends, "{report}");
        if total.lost > 0 {
            assert!(!report.is_passed());
            assert!(report.to_string().contains(&format!("lost {}", total.lost)), "{report}");
            return;
        }
    }
    panic!("{TRIES} stops of a stock server under load, and no loss was found");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_killed() {
    let text = "trap '' TERM; echo listening on http://127.0.0.1:1; exec sleep 60";
    let drill = script(text).with_longest(Duration::from_millis(500));
    let report = drill.run(|_| ()).await.expect("it starts");
    assert!(report.was_killed && !report.is_passed(), "{report}");
    assert!(report.to_string().contains("was killed"), "{report}");
}

#[tokio::test]
async fn the_time_of_each_phase_is_read_from_the_log() {
    let text = r#"
        event() { echo '{"fields":{"event":"'$1'","elapsed_ms":'$2'}}' >&2; }
        stop() {
            event shutdown.initiated 0; event lameduck.entered 0; event drain.started 120;
            event listener.closed 150; event hook.started 200; event hook.finished 205;
            event hook.started 205; event shutdown.completed 230; exit 7
        }
        trap stop TERM; echo 'not an event' >&2
        echo listening on http://127.0.0.1:1/; while :; do sleep 0.02; done
    "#;
    let report = script(text).with_exit_code(7).run(|_| ()).await.expect("it starts");
    let phases = report.phases();
    let times = phases.iter().map(|phase| (phase.name, phase.took.as_millis())).collect::<Vec<_>>();
    assert_eq!(times, [("lame duck", 120), ("draining", 80), ("stop hooks", 30)]);
    assert_eq!(report.log.len(), 8, "each event, and what is none is none: {:?}", report.log);
    assert_eq!(report.exit_code, Some(7));
    // Nothing listens there: nothing is lost, and that is not enough.
    assert_eq!(report.verdict.total.lost, 0, "{report}");
    assert!(!report.is_passed());
    assert!(report.to_string().contains("nothing was answered"), "{report}");
}

#[tokio::test]
async fn a_program_that_ends_before_the_signal_has_not_passed() {
    let text = "echo listening on http://127.0.0.1:1; exit 0";
    let report = script(text).run(|_| ()).await.expect("it starts");
    assert!(!report.was_signalled && !report.is_passed(), "{report}");
}

#[tokio::test]
async fn a_program_that_does_not_say_where_it_listens_is_no_drill() {
    let error = script("echo cannot bind >&2").run(|_| ()).await.expect_err("no address");
    assert!(error.to_string().contains("listening on http://"), "{error}");
    assert!(error.to_string().contains("cannot bind"), "{error}");
    Drill::new("/there/is/no/such/program").run(|_| ()).await.expect_err("no program");
}

#[tokio::test]
async fn progress_is_told_while_it_runs() {
    let text = "trap 'exit 0' TERM; echo listening on http://127.0.0.1:1; \
                while :; do sleep 0.02; done";
    let mut lines = Vec::new();
    let drill = script(text).with_kinds([Kind::KeepAlive]);
    drill.run(|progress| lines.push(progress.to_string())).await.expect("it starts");
    assert!(lines.first().is_some_and(|line| line.contains("running")), "{lines:?}");
}

/// Runs the program, and gives its exit code and what it printed.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lameduck-drill"))
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .expect("it was built");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("text"))
}

#[test]
fn the_program_says_how_it_is_used() {
    let (code, text) = run(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("usage: lameduck-drill"), "{text}");
    for wrong in [&[][..], &["--"], &["--clients", "x"], &["--only", "smtp"], &["--what"]] {
        let (code, text) = run(wrong);
        assert_eq!(code, Some(2), "{wrong:?}: {text}");
    }
}

#[test]
fn the_verdict_is_the_exit_code_and_can_be_json() {
    let text = "trap 'exit 0' TERM; echo listening on http://127.0.0.1:1; \
                while :; do sleep 0.02; done";
    let options = ["--json", "--clients", "2", "--signal-after", "100", "--runs", "2"];
    let (code, out) = run(&[&options[..], &["--", "/bin/sh", "-c", text]].concat());
    assert_eq!(code, Some(1), "nothing was answered: {out}");
    let json = out.split_once("\n}\n").map_or("", |(json, _)| json).to_owned() + "\n}";
    let json: serde_json::Value = serde_json::from_str(&json).expect("one JSON document");
    assert_eq!(json["passed"], false);
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["runs"][0]["total"]["lost"], 0);
    assert_eq!(json["runs"][1]["exit_code"], 0);
}
