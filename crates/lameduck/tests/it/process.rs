//! Surroundings that a stop must not depend on, each in a process of its own: this test binary,
//! started once more as a server.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Read, Write, stderr, stdin},
    net::TcpStream,
    process::{Child, ChildStdin, Command, ExitCode, Stdio, exit},
    thread,
    time::{Duration, SystemTime},
};

use axum::{Router, routing::get};
use lameduck::{Lameduck, Report, StopTimeouts};
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal, kill_process},
};
use tokio::net::TcpListener;

const MODE: &str = "LAMEDUCK_TEST_SERVER";

/// What a busy machine may need beside the timeouts.
const NOISE: Duration = Duration::from_secs(10);

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Timeouts of 1 s in all.
fn short() -> StopTimeouts {
    StopTimeouts::new()
        .with_lame_duck(millis(100))
        .with_drain(millis(600))
        .with_accept_queue(millis(200))
        .with_cancel(millis(100))
        .with_force(millis(100))
        .with_hooks(millis(100))
}

/// The process that the tests below start. Without a mode it does nothing.
#[test]
fn process_under_test() {
    let Ok(mode) = env::var(MODE) else { return };
    tracing_subscriber::fmt().json().with_writer(stderr).init();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
    let report = runtime.block_on(serve(&mode));
    let code = report.outcome().exit_code();
    // As at the end of `main`.
    let _ = ExitCode::from(report);
    drop(runtime);
    end(code);
}

async fn serve(mode: &str) -> Report {
    if mode == "unused" {
        drop(Lameduck::new());
        say_ready("nowhere");
        std::future::pending::<()>().await;
    }
    if mode == "hung start" {
        let _duck = Lameduck::builder().with_stop_timeouts(short()).build();
        say_ready("nowhere");
        thread::sleep(Duration::from_secs(3_600));
    }
    if mode == "restart" {
        let first = Lameduck::builder().with_stop_timeouts(short()).build();
        let finished = first.finished();
        first.stop_handle().stop("restart", false);
        drop(finished.await);
    }
    if mode == "two" {
        // Its stop is over, and its watchdog due, long before that of the other one.
        let first = Lameduck::builder().with_stop_timeouts(short()).build();
        #[expect(clippy::disallowed_methods, reason = "ends with the process")]
        tokio::spawn(first.finished());
    }
    let timeouts =
        if mode == "stdin" { StopTimeouts::new().with_lame_duck(millis(100)) } else { short() };
    let duck = Lameduck::builder().with_stop_timeouts(timeouts);
    let duck = match mode {
        "unfinished" => duck
            .with_stop_timeouts(timeouts.with_hooks(Duration::from_secs(4)))
            .on_stop("slow", || tokio::time::sleep(Duration::from_secs(3))),
        _ => duck,
    };
    let duck = match mode {
        "cancel" => duck.with_stop_timeouts(short().with_lame_duck(millis(4_000))),
        "two" => duck.with_stop_timeouts(short().with_drain(Duration::from_secs(15))),
        _ => duck,
    };
    let duck = duck.build();
    let stop = duck.stop_handle();
    let app = Router::new()
        .route("/", get(async || "hello"))
        .route("/slow", get(async || tokio::time::sleep(millis(400)).await))
        .route("/slower", get(async || tokio::time::sleep(millis(4_000)).await))
        .route("/cancel", get(async move || stop.cancel_stop().await.is_ok().to_string()))
        .route("/block", get(async || thread::sleep(Duration::from_secs(3_600))));
    if mode == "stdin" {
        tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new()));
    }
    if mode == "no layer" {
        let listener = duck.bind("127.0.0.1:0").await.unwrap();
        say_ready(&listener.local_addr().unwrap().to_string());
        return duck.serve_listener(listener, app).await;
    }
    if mode == "no listener" {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        say_ready(&listener.local_addr().unwrap().to_string());
        let server = axum::serve(listener, app.layer(duck.layer()));
        server.with_graceful_shutdown(duck.shutdown_signal()).await.unwrap();
        return duck.finished().await;
    }
    if mode == "stock" || mode == "unfinished" {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        say_ready(&listener.local_addr().unwrap().to_string());
        let app = app.merge(duck.probes()).layer(duck.layer());
        axum::serve(duck.axum_listener(listener), app)
            .with_graceful_shutdown(duck.shutdown_signal())
            .await
            .unwrap();
        if mode == "unfinished" {
            drop(duck);
            end(0);
        }
        return duck.finished().await;
    }
    let listener = duck.bind("127.0.0.1:0").await.unwrap();
    say_ready(&listener.local_addr().unwrap().to_string());
    duck.serve_listener(listener, duck.wrap(app)).await
}

/// The end of `main` with this exit code. The test harness would end with one of its own.
fn end(code: u8) -> ! {
    #[expect(clippy::disallowed_methods, reason = "this process is a server")]
    exit(i32::from(code))
}

/// Marks a line as one of the server: the test harness prints, too.
#[expect(clippy::print_stdout, reason = "the test reads it")]
fn say_ready(addr: &str) {
    println!("\n> {addr}");
}

/// A server, killed when it is dropped.
struct Server {
    child: Child,
    addr: String,
    _stdin: ChildStdin,
}

impl Server {
    fn start(mode: &str, stderr: impl Into<Stdio>) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "process::process_under_test", "--nocapture"])
            .env(MODE, mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let addr = lines.find_map(|line| line.strip_prefix("> ").map(str::to_owned)).unwrap();
        // Read to the end, so that the server can write.
        thread::spawn(move || lines.for_each(drop));
        let stdin = child.stdin.take().unwrap();
        Self { child, addr, _stdin: stdin }
    }

    /// Sends a request, and returns a thread that reads the answer.
    fn ask(&self, path: &str) -> thread::JoinHandle<String> {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        thread::spawn(move || {
            let mut answer = String::new();
            // A connection that is cut reads as one that ended.
            let _ = stream.read_to_string(&mut answer);
            answer
        })
    }

    fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Its exit code, within this time.
    #[track_caller]
    fn exit_code(&mut self, limit: Duration) -> Option<i32> {
        let began = SystemTime::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed().unwrap() < limit, "the process is still there");
            thread::sleep(millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stops a server whose log goes there, with a request in flight. It answers, and exits clean.
#[track_caller]
fn check_stops_clean(stderr: impl Into<Stdio>) {
    let mut server = Server::start("own", stderr);
    assert!(server.ask("/").join().unwrap().starts_with("HTTP/1.1 200"));
    let slow = server.ask("/slow");
    thread::sleep(millis(100));
    server.terminate();
    let answer = slow.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.exit_code(NOISE), Some(0));
}

#[test]
fn a_log_on_a_full_disk_cuts_no_request() {
    check_stops_clean(File::options().write(true).open("/dev/full").unwrap());
}

#[test]
fn a_log_into_a_pipe_without_a_reader_cuts_no_request() {
    let (reader, writer) = new_pipe();
    drop(reader);
    check_stops_clean(writer);
}

#[test]
fn a_log_into_a_pipe_that_is_not_read_delays_no_stop() {
    let (_reader, writer) = full_pipe();
    check_stops_clean(writer);
}

/// The two ends of a pipe: to read from, and to write to.
fn new_pipe() -> (File, File) {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    (reader.into(), writer.into())
}

/// A pipe in which a write blocks.
fn full_pipe() -> (File, File) {
    let (reader, writer) = new_pipe();
    let mut filler = writer.try_clone().unwrap();
    let flags = fcntl_getfl(&filler).unwrap();
    fcntl_setfl(&filler, flags | OFlags::NONBLOCK).unwrap();
    for size in [4096, 1] {
        while filler.write(&vec![b'x'; size]).is_ok() {}
    }
    fcntl_setfl(&filler, flags).unwrap();
    (reader, writer)
}

#[test]
fn a_log_that_is_not_read_does_not_keep_a_process_that_must_be_forced() {
    let (_reader, writer) = full_pipe();
    let mut server = Server::start("own", writer);
    let _blocked = server.ask("/block");
    thread::sleep(millis(100));
    server.terminate();
    assert_eq!(server.exit_code(Duration::from_secs(3) + NOISE), Some(1));
}

#[test]
fn a_handler_that_blocks_its_thread_does_not_keep_a_stock_server() {
    for _ in 0..3 {
        let mut server = Server::start("stock", Stdio::null());
        let _blocked = server.ask("/block");
        thread::sleep(millis(100));
        server.terminate();
        assert_eq!(server.exit_code(Duration::from_secs(3) + NOISE), Some(1));
    }
}

#[test]
fn handlers_that_block_every_thread_do_not_keep_the_process() {
    let mut server = Server::start("own", Stdio::null());
    let _blocked = [server.ask("/block"), server.ask("/block"), server.ask("/block")];
    thread::sleep(millis(200));
    server.terminate();
    assert_eq!(server.exit_code(Duration::from_secs(3) + NOISE), Some(1));
}

#[test]
fn a_pending_read_of_stdin_does_not_keep_the_process_after_its_report() {
    let mut server = Server::start("stdin", Stdio::null());
    assert!(server.ask("/").join().unwrap().starts_with("HTTP/1.1 200"));
    server.terminate();
    // 28 s would be the sum of the stop timeouts.
    assert_eq!(server.exit_code(NOISE), Some(0));
}

/// Starts a server, lets it answer a request, stops it, and returns its exit code and its log.
fn log_of(mode: &str) -> (Option<i32>, String) {
    let mut server = Server::start(mode, Stdio::piped());
    if server.addr != "nowhere" {
        assert!(server.ask("/").join().unwrap().starts_with("HTTP/1.1 200"));
    }
    let mut stderr = server.child.stderr.take().unwrap();
    let log = thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).unwrap();
        log
    });
    server.terminate();
    let code = server.exit_code(NOISE);
    (code, log.join().unwrap())
}

#[test]
fn a_layer_that_was_forgotten_is_an_error_with_the_line_to_add() {
    let (code, log) = log_of("no layer");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("lameduck.uncounted").count(), 1, "{log}");
    assert!(log.contains("\"ERROR\"") && log.contains(".layer(duck.layer())"), "{log}");
    let (_, log) = log_of("own");
    assert!(!log.contains("\"ERROR\""), "{log}");
}

#[test]
fn a_listener_that_was_forgotten_is_an_error_with_the_line_to_add() {
    let (code, log) = log_of("no listener");
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.matches("lameduck.no_listener").count(), 1, "{log}");
    assert!(log.contains("duck.axum_listener(listener)"), "{log}");
}

#[test]
fn a_report_that_is_not_waited_for_is_an_error_with_the_line_to_add() {
    let (_, log) = log_of("unfinished");
    assert_eq!(log.matches("lameduck.unfinished").count(), 1, "{log}");
    assert!(log.contains("duck.finished().await"), "{log}");
}

#[test]
fn a_handle_that_is_dropped_unused_is_an_error_and_a_signal_still_ends_the_process() {
    let (code, log) = log_of("unused");
    assert_eq!(code, Some(128 + 15), "{log}");
    assert_eq!(log.matches("lameduck.unused").count(), 1, "{log}");
}

#[test]
fn a_server_whose_stop_was_cancelled_lives_on_and_stops_at_the_next_signal() {
    let mut server = Server::start("cancel", Stdio::null());
    // A signal before the start is over needs no lame duck.
    assert!(server.ask("/").join().unwrap().starts_with("HTTP/1.1 200"));
    for _ in 0..2 {
        server.terminate();
        // Until the signal has become a stop, there is nothing to cancel.
        let is_stopping = || server.ask("/readyz").join().unwrap().starts_with("HTTP/1.1 503");
        while !is_stopping() {}
        let cancelled = server.ask("/cancel").join().unwrap();
        assert!(cancelled.ends_with("true"), "{cancelled}");
        assert!(server.ask("/readyz").join().unwrap().starts_with("HTTP/1.1 200"));
    }
    // Longer than the watchdog of a stop waits: 4.9 s, and half of the margin.
    thread::sleep(Duration::from_millis(6_500));
    assert!(server.ask("/").join().unwrap().starts_with("HTTP/1.1 200"));
    server.terminate();
    assert_eq!(server.exit_code(NOISE), Some(0));
}

#[test]
fn two_servers_of_one_process_each_have_the_time_of_their_own_stop() {
    let mut server = Server::start("two", Stdio::null());
    let slow = server.ask("/slower");
    thread::sleep(millis(200));
    server.terminate();
    let answer = slow.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.exit_code(NOISE), Some(0));
}

#[test]
fn a_server_after_one_that_was_stopped_by_its_handle_drains_at_a_signal() {
    let mut server = Server::start("restart", Stdio::null());
    let slow = server.ask("/slow");
    thread::sleep(millis(100));
    server.terminate();
    let answer = slow.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.exit_code(NOISE), Some(0));
}

#[test]
fn a_signal_ends_a_process_whose_start_hangs() {
    let mut server = Server::start("hung start", Stdio::null());
    server.terminate();
    assert_eq!(server.exit_code(Duration::from_secs(3) + NOISE), Some(1));
}
