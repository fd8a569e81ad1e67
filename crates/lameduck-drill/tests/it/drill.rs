//! The drill, with real processes and real signals.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use lameduck_drill::{
    Connections, Kind, Plan, Scenario,
    drill::{Drill, DrillError, DrillOptions, DrillReport},
};

/// How often the stock server is stopped. It has to lose a request in one of these stops.
const TRIES: u64 = 10;

/// The path of the stock server, built if it is missing.
fn stock_axum() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "demo-server", "--bin", "stock-axum"])
        .status()
        .expect("cargo runs");
    assert!(built.success());
    // The path of this test is `PROFILE/deps/it-HASH`.
    let test = std::env::current_exe().expect("it runs");
    let profile = test.parent().and_then(|deps| deps.parent()).expect("two folders up");
    profile.join("stock-axum")
}

/// The options of a drill of a shell script.
fn script(text: &str) -> DrillOptions {
    let mut options = DrillOptions::new();
    options.args = vec!["-c".into(), text.into()];
    options.clients = 2;
    options.burst = 0;
    options.signal_after = Duration::from_millis(100);
    options
}

/// An address of this machine that no program listens on.
fn free_addr() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound")
}

async fn run(options: DrillOptions) -> Result<DrillReport, DrillError> {
    Drill::new("/bin/sh", options).run(|_| ()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drill_finds_what_a_stock_server_loses() {
    let server = stock_axum();
    for seed in 1..=TRIES {
        let mut options = DrillOptions::new();
        options.seed = seed;
        options.clients = 24;
        options.signal_after = Duration::from_millis(300);
        let report = Drill::new(&server, options).run(|_| ()).await.expect("it starts");
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
    let mut options = script(text);
    options.time_limit = Duration::from_millis(500);
    let report = run(options).await.expect("it starts");
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
    let mut options = script(text);
    options.exit_code = 7;
    let report = run(options).await.expect("it starts");
    let phases = report.phases();
    let times = phases.iter().map(|phase| (phase.name, phase.took.as_millis())).collect::<Vec<_>>();
    assert_eq!(times, [("lame duck", 120), ("draining", 80), ("stop hooks", 30)]);
    assert_eq!(report.log.len(), 8, "each event, and no other line: {:?}", report.log);
    assert_eq!(report.exit_code, Some(7));
    // No server listens there. No request is lost, but that is not enough.
    assert_eq!(report.verdict.total.lost, 0, "{report}");
    assert!(!report.is_passed());
    assert!(report.to_string().contains("no request was answered"), "{report}");
}

#[tokio::test]
async fn a_program_that_ends_before_the_signal_has_not_passed() {
    let text = "echo listening on http://127.0.0.1:1; exit 0";
    let report = run(script(text)).await.expect("it starts");
    assert!(!report.was_signalled && !report.is_passed(), "{report}");
}

#[tokio::test]
async fn a_program_that_does_not_listen_is_an_error_with_its_last_lines() {
    let error = run(script("echo cannot bind >&2")).await.expect_err("no address");
    assert!(error.to_string().contains("listening on http://"), "{error}");
    assert!(error.to_string().contains("cannot bind"), "{error}");

    let mut options = script("echo cannot bind >&2");
    options.addr = Some(free_addr());
    let error = run(options).await.expect_err("it does not listen");
    assert!(error.to_string().contains("does not listen on 127.0.0.1"), "{error}");
    assert!(error.to_string().contains("cannot bind"), "{error}");

    let missing = Drill::new("/there/is/no/such/program", DrillOptions::new());
    missing.run(|_| ()).await.expect_err("no program");
}

#[tokio::test]
async fn an_address_that_another_program_listens_on_is_an_error() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut options = script("exec sleep 60");
    options.addr = other.local_addr().ok();
    let error = run(options).await.expect_err("the port is taken");
    assert!(error.to_string().contains("another program listens"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_not_of_this_machine_is_an_error() {
    let text = "echo listening on http://192.0.2.1:80; exec sleep 60";
    let error = run(script(text)).await.expect_err("another machine");
    assert!(error.to_string().contains("loopback"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_server_on_a_known_port_can_be_drilled_with_any_path() {
    let mut options = DrillOptions::new();
    let addr = free_addr();
    options.addr = Some(addr);
    options.args = vec!["--addr".into(), format!("0.0.0.0:{}", addr.port()).into()];
    let plans = [Plan::get("/slow?ms=3"), Plan::get("/download?bytes=70000")];
    options.scenarios = vec![Scenario::new("users", Connections::Kept, plans)];
    options.clients = 4;
    options.burst = 0;
    options.signal_after = Duration::from_millis(300);
    let report = Drill::new(stock_axum(), options).run(|_| ()).await.expect("it starts");
    let [(name, counts)] = &report.verdict.by_scenario[..] else { panic!("{report}") };
    assert_eq!(name, "users");
    assert!(counts.answered > 0, "{report}");
    assert_eq!(report.exit_code, Some(0), "{report}");
}

#[tokio::test]
async fn progress_is_reported_while_it_runs() {
    let text = "trap 'exit 0' TERM; echo listening on http://127.0.0.1:1; \
                while :; do sleep 0.02; done";
    let mut lines = Vec::new();
    let mut options = script(text);
    options.scenarios = vec![Kind::KeepAlive.into()];
    let drill = Drill::new("/bin/sh", options);
    drill.run(|progress| lines.push(progress.to_string())).await.expect("it starts");
    assert!(lines.first().is_some_and(|line| line.contains("running")), "{lines:?}");
}
