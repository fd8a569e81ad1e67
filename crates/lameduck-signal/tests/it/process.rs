//! Real signals, sent to a real process by its id: this test binary, started once more.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use lameduck_signal::{Signal, Signals};
use rustix::process::{Pid, Signal as Raw, kill_process};

/// Says which triggers the process of a test installs.
const MODE: &str = "LAMEDUCK_SIGNAL_TEST_MODE";

/// The process that the tests below start. Without a mode it does nothing.
#[test]
fn process_under_test() {
    let Some(mode) = env::var_os(MODE) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(print_triggers(mode.to_str().unwrap()));
}

async fn print_triggers(mode: &str) {
    // The tests send signals in quick succession.
    let signals = Signals::new().with_debounce(None);
    let signals = match mode {
        "default" => signals.with_terminal(false),
        "terminal" => signals.with_terminal(true),
        "hangup" => signals.with(Signal::Hangup),
        "terminate only" => signals.without(Signal::Interrupt),
        "reload" => signals.on_reload(Signal::Hangup, || say("reload")),
        "fourth signal" | "stuck" | "dropped" => signals.with_exit_at_fourth_signal(),
        "cancelled" => signals.with_debounce(Some(Duration::from_secs(60))),
        "observed" => signals.with_observer(|cause| say(&format!("observed {cause}"))),
        "debounce" => signals.with_terminal(false).with_debounce(Some(Duration::from_secs(60))),
        "debounce on a terminal" => {
            signals.with_terminal(true).with_debounce(Some(Duration::from_secs(60)))
        }
        "kept" | "unused" => signals,
        other => panic!("no mode {other:?}"),
    };
    let mut triggers = signals.install().unwrap();
    say("ready");
    if mode == "dropped" {
        // A stop was asked for, so its owner ends the process, or the fourth signal does.
        triggers.handle().trigger("admin");
        triggers.next().await;
    }
    if mode == "dropped" || mode == "unused" {
        drop(triggers);
        stuck();
    }
    if mode == "stuck" || mode == "observed" {
        stuck();
    }
    if mode == "kept" {
        // Blocks the only thread: nothing is polled until the parent has sent its signals.
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
    }
    loop {
        let stop = triggers.next().await;
        let interactive = if stop.cause.is_interactive() { " interactive" } else { "" };
        if mode == "cancelled" {
            triggers.handle().reset();
        }
        say(&format!("{} {}{interactive}", stop.escalation, stop.cause));
    }
}

/// Blocks the only thread for ever, as a handler that does not yield does.
fn stuck() -> ! {
    loop {
        thread::park();
    }
}

/// Marks a line as one of the process: the test harness prints, too.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n> {line}").unwrap();
    out.flush().unwrap();
}

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// A command whose signals have their default actions. A shell that runs the tests in the
/// background ignores some of them, and what is ignored stays ignored in every child.
fn fresh(program: std::path::PathBuf) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.arg("--default-signal").arg(program);
        return command;
    }
    Command::new(program)
}

impl Process {
    /// Starts a process and waits until its triggers are installed.
    fn start(mode: &str) -> Self {
        let mut child = fresh(env::current_exe().unwrap())
            .args(["process::process_under_test", "--exact", "--nocapture"])
            .env(MODE, mode)
            // A core dump, if the system writes one, goes there.
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut this = Self { child, lines };
        this.says("ready");
        this
    }

    fn send(&self, signal: Raw) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn line(&mut self) -> String {
        let line = self.lines.by_ref().map(Result::unwrap).find(|line| line.starts_with("> "));
        line.expect("the process has not ended").split_off(2)
    }

    fn says(&mut self, expected: &str) {
        assert_eq!(self.line(), expected);
    }

    fn ends(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends signals one by one and compares what each leads to.
fn check(mode: &str, steps: &[(Raw, &str)]) -> Process {
    let mut process = Process::start(mode);
    for &(signal, expected) in steps {
        process.send(signal);
        process.says(expected);
    }
    process
}

#[test]
fn each_further_signal_escalates_up_to_the_third() {
    check(
        "default",
        &[
            (Raw::TERM, "first SIGTERM"),
            (Raw::TERM, "second SIGTERM"),
            (Raw::INT, "third SIGINT"),
            (Raw::TERM, "third SIGTERM"),
        ],
    );
}

#[test]
fn a_signal_that_is_sent_twice_counts_once_and_a_different_one_counts() {
    let mut process = check("debounce", &[(Raw::TERM, "first SIGTERM")]);
    process.send(Raw::TERM);
    process.send(Raw::INT);
    process.says("second SIGINT");
}

#[test]
fn a_second_ctrl_c_counts_at_once() {
    check(
        "debounce on a terminal",
        &[(Raw::INT, "first SIGINT interactive"), (Raw::INT, "second SIGINT interactive")],
    );
}

#[test]
fn different_signals_that_come_at_once_are_two_triggers() {
    let mut process = Process::start("kept");
    process.send(Raw::INT);
    process.send(Raw::TERM);
    process.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    // Which is first depends on when the thread runs.
    let (first, second) = (process.line(), process.line());
    let expected = [["first SIGINT", "second SIGTERM"], ["first SIGTERM", "second SIGINT"]];
    assert!(expected.contains(&[first.as_str(), second.as_str()]), "{first}, {second}");
}

#[test]
fn after_a_cancelled_stop_the_same_signal_counts_however_soon_it_comes() {
    check("cancelled", &[(Raw::TERM, "first SIGTERM"), (Raw::TERM, "first SIGTERM")]);
}

#[test]
fn a_signal_ends_the_process_when_the_triggers_were_dropped_unused() {
    let mut process = Process::start("unused");
    process.send(Raw::TERM);
    assert_eq!(process.ends().code(), Some(128 + 15));
}

#[test]
fn a_signal_is_observed_when_the_only_thread_of_the_runtime_is_blocked() {
    check("observed", &[(Raw::TERM, "observed SIGTERM")]);
}

#[test]
fn a_signal_between_install_and_the_first_wait_is_kept() {
    let mut process = Process::start("kept");
    process.send(Raw::TERM);
    process.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    process.says("first SIGTERM");
}

#[test]
fn an_interrupt_is_interactive_only_if_the_process_has_a_terminal() {
    check("default", &[(Raw::INT, "first SIGINT")]);
    check("terminal", &[(Raw::INT, "first SIGINT interactive"), (Raw::TERM, "second SIGTERM")]);
}

#[test]
fn hangup_and_quit_keep_their_default_action_unless_asked_for() {
    for signal in [Raw::HUP, Raw::QUIT] {
        let mut process = Process::start("default");
        process.send(signal);
        assert_eq!(process.ends().signal(), Some(signal.as_raw()));
    }
    check("hangup", &[(Raw::HUP, "first SIGHUP"), (Raw::TERM, "second SIGTERM")]);
}

#[test]
fn a_signal_that_is_left_out_keeps_its_default_action() {
    let mut process = check("terminate only", &[(Raw::TERM, "first SIGTERM")]);
    process.send(Raw::INT);
    assert_eq!(process.ends().signal(), Some(Raw::INT.as_raw()));
}

#[test]
fn a_reload_is_no_stop() {
    check("reload", &[(Raw::HUP, "reload"), (Raw::HUP, "reload"), (Raw::TERM, "first SIGTERM")]);
}

#[test]
fn the_fourth_signal_ends_the_process() {
    let mut process = check(
        "fourth signal",
        &[(Raw::TERM, "first SIGTERM"), (Raw::INT, "second SIGINT"), (Raw::TERM, "third SIGTERM")],
    );
    process.send(Raw::TERM);
    assert_eq!(process.ends().code(), Some(128 + 15));
}

/// Sends until the process has ended: signals in quick succession may be one.
fn send_until_it_ends(mode: &str) {
    let mut process = Process::start(mode);
    let mut sent = 0_u32;
    let status = loop {
        process.send(Raw::INT);
        sent += 1;
        if let Some(status) = process.child.try_wait().unwrap() {
            break status;
        }
        assert!(sent < 10_000, "the process does not react");
        // A pace, not a wait: a flood of signals would keep the process busy with its handler.
        thread::sleep(Duration::from_millis(1));
    };
    assert_eq!(status.code(), Some(128 + 2));
    assert!(sent >= 4, "ended after {sent}");
}

#[test]
fn the_fourth_signal_ends_a_process_whose_runtime_is_stuck() {
    send_until_it_ends("stuck");
}

#[test]
fn the_fourth_signal_ends_the_process_after_the_triggers_are_dropped() {
    send_until_it_ends("dropped");
}
