//! The real binary of a server in a test: started, sent signals, and read to the end of its log.

use std::{
    ffi::OsStr,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::Stopped;

/// The longest time that a test waits for anything the server has to do.
const LIMIT: Duration = Duration::from_secs(60);

/// How often a connect to a server that starts is tried.
const LOOK: Duration = Duration::from_millis(10);

/// A free port of this machine.
const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server's own binary, as a child process of the test. Killed when it is dropped.
///
/// The server prints `listening on http://ADDR` on its standard output, or another scheme, and
/// writes its log as JSON lines to its standard error.
///
/// ```no_run
/// # use lameduck_test_support::TestServer;
/// # #[expect(dead_code, reason = "shown, not run")]
/// # async fn test() {
/// let server = TestServer::start("target/debug/demo-server", ["--lame-duck", "300"]).await;
/// // … load `server.addr()` …
/// server.terminate();
/// server.stopped().await.assert_clean();
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropped, the server is killed"]
pub struct TestServer {
    child: Child,
    addr: SocketAddr,
    log: watch::Receiver<Vec<Value>>,
    /// Read the server's output until it ends: a full pipe would block the server.
    readers: JoinSet<()>,
}

impl TestServer {
    /// Starts a program and waits until it prints where it listens.
    ///
    /// Its start hooks may still run. The first answer comes after them.
    ///
    /// # Panics
    ///
    /// If the program does not start, or does not print its address within a minute.
    pub async fn start<A>(program: impl AsRef<Path>, args: impl IntoIterator<Item = A>) -> Self
    where
        A: AsRef<OsStr>,
    {
        let (mut server, mut lines) = Self::spawn(program.as_ref(), args);
        let first = timeout(LIMIT, lines.next_line()).await.expect("the server prints nothing");
        let first = first.expect("its output is text").unwrap_or_default();
        let addr = first.split_once("://").and_then(|(_, addr)| addr.parse().ok());
        let Some(addr) = addr else {
            panic!("not an address: {first:?}, and in its log: {:#?}", server.log.borrow());
        };
        server.addr = addr;
        server.readers.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        server
    }

    /// Starts a program that takes its address as its only argument, and waits until it accepts a
    /// connection. The port is one that was free a moment before.
    ///
    /// # Panics
    ///
    /// If the program does not start, or does not accept a connection within a minute.
    pub async fn start_on_free_port(program: impl AsRef<Path>) -> Self {
        let free = TcpListener::bind(FREE_PORT).await.and_then(|listener| listener.local_addr());
        let addr = free.expect("a free port");
        let (mut server, mut lines) = Self::spawn(program.as_ref(), [addr.to_string()]);
        server.addr = addr;
        server.readers.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let accepts = async {
            while TcpStream::connect(addr).await.is_err() {
                sleep(LOOK).await;
            }
        };
        timeout(LIMIT, accepts).await.expect("the server accepts no connection");
        server
    }

    /// Starts a program. Its log is read, and its standard output is returned.
    fn spawn<A: AsRef<OsStr>>(
        program: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> (Self, Lines<BufReader<ChildStdout>>) {
        let mut child = Command::new(program)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server cannot be started");
        let stdout = child.stdout.take().expect("it was piped");
        let stderr = child.stderr.take().expect("it was piped");
        let mut readers = JoinSet::new();
        let (sender, log) = watch::channel(Vec::new());
        let mut lines = BufReader::new(stderr).lines();
        readers.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                // A line that is not JSON is kept too: it may be the panic that fails the test.
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                sender.send_modify(|log: &mut Vec<Value>| log.push(line));
            }
        });
        (Self { child, addr: FREE_PORT, log, readers }, BufReader::new(stdout).lines())
    }

    /// Where the server listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    ///
    /// This and the other signals panic if the server has ended.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Sends SIGSTOP. The server then accepts no connection: clients wait in its accept queue.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Sends SIGCONT, which ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pid = pid.expect("the server has ended");
        kill_process(pid, signal).expect("a child process takes signals");
    }

    /// Waits until an event is logged.
    ///
    /// # Panics
    ///
    /// If the server ends before that, or after a minute.
    pub async fn logged(&mut self, event: &str) {
        self.logged_that(|log| log.iter().any(|line| line["fields"]["event"] == event)).await;
    }

    /// Waits until `is_complete` is true for the log, line by line as JSON.
    ///
    /// # Panics
    ///
    /// If the server ends before that, or after a minute.
    pub async fn logged_that(&mut self, is_complete: impl Fn(&[Value]) -> bool) {
        let wait = timeout(LIMIT, self.log.wait_for(|log| is_complete(log)));
        drop(wait.await.expect("the event is never logged").expect("the server ended before"));
    }

    /// Waits until the server ends by itself.
    ///
    /// # Panics
    ///
    /// If it has not ended after a minute.
    pub async fn stopped(mut self) -> Stopped {
        let began = Instant::now();
        let status = timeout(LIMIT, self.child.wait()).await.expect("the server never ends");
        let waited = began.elapsed();
        // The readers end at the end of the output, so the log is then complete.
        while self.readers.join_next().await.is_some() {}
        let log = self.log.borrow().clone();
        Stopped { code: status.expect("the exit status is known").code(), waited, log }
    }
}
