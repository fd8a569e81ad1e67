//! The real binary of a server in a test: started, stopped by a signal, and read to its end.

use std::{ffi::OsStr, net::SocketAddr, path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

/// No test waits longer than this for anything that the server is to do.
const LIMIT: Duration = Duration::from_secs(60);

/// A server's own binary, as a child of the test. Killed when it is dropped.
///
/// It prints `listening on http://ADDR` on its standard output, or another scheme, and writes its
/// log as JSON lines to its standard error.
///
/// ```no_run
/// # use lameduck_test_support::TestServer;
/// # #[expect(dead_code, reason = "shown, not run")]
/// # async fn test() {
/// let server = TestServer::start("target/debug/quickstart", ["--lame-duck", "300"]).await;
/// // … load `server.addr()` …
/// server.terminate();
/// server.stopped().await.is_clean();
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropped, the server is killed"]
pub struct TestServer {
    child: Child,
    addr: SocketAddr,
    log: watch::Receiver<Vec<Value>>,
    /// Reads the server's output, all the while: a full pipe would stop it.
    readers: JoinSet<()>,
}

/// How a [`TestServer`] ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stopped {
    /// The exit code, none if it was ended by a signal.
    pub code: Option<i32>,
    /// From the moment the test began to wait.
    pub waited: Duration,
    /// All lines of its log.
    pub log: Vec<Value>,
}

impl TestServer {
    /// Starts a program and waits until it says where it listens.
    ///
    /// Its start hooks may still run: the first answer says that they are over.
    ///
    /// # Panics
    ///
    /// If it does not start, or does not say so within a minute.
    pub async fn start<A>(program: impl AsRef<Path>, args: impl IntoIterator<Item = A>) -> Self
    where
        A: AsRef<OsStr>,
    {
        let mut child = Command::new(program.as_ref())
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
                // What is no JSON is kept too: it may be a panic, and say why the test fails.
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                sender.send_modify(|log: &mut Vec<Value>| log.push(line));
            }
        });
        let mut lines = BufReader::new(stdout).lines();
        let said = timeout(LIMIT, lines.next_line()).await.expect("the server says nothing");
        let said = said.expect("its output is text").unwrap_or_default();
        let addr = said.split_once("://").and_then(|(_, addr)| addr.parse().ok());
        let Some(addr) = addr else {
            panic!("not an address: {said:?}, and in its log: {:#?}", log.borrow());
        };
        readers.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, addr, log, readers }
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends SIGTERM.
    ///
    /// # Panics
    ///
    /// If the server has ended; so do the other signals.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Has the system stop it, so that it accepts nobody: clients wait in its queue.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pid = pid.expect("the server has ended");
        kill_process(pid, signal).expect("a child can be signalled");
    }

    /// Waits until an event is logged.
    ///
    /// # Panics
    ///
    /// If the server ends before, or a minute is over.
    pub async fn logged(&mut self, event: &str) {
        self.logged_that(|log| log.iter().any(|line| line["fields"]["event"] == event)).await;
    }

    /// Waits until its log, line by line as JSON, is as `is_there` wants it.
    ///
    /// # Panics
    ///
    /// If the server ends before, or a minute is over.
    pub async fn logged_that(&mut self, is_there: impl Fn(&[Value]) -> bool) {
        let wait = timeout(LIMIT, self.log.wait_for(|log| is_there(log)));
        drop(wait.await.expect("the event is never logged").expect("the server ended before"));
    }

    /// Waits for the server to end by itself.
    ///
    /// # Panics
    ///
    /// If it has not after a minute.
    pub async fn stopped(mut self) -> Stopped {
        let began = Instant::now();
        let status = timeout(LIMIT, self.child.wait()).await.expect("the server never ends");
        let waited = began.elapsed();
        // To the end of its log.
        while self.readers.join_next().await.is_some() {}
        let log = self.log.borrow().clone();
        Stopped { code: status.expect("a child can be waited for").code(), waited, log }
    }
}

impl Stopped {
    /// The fields of all events of one name.
    #[must_use]
    pub fn events(&self, name: &str) -> Vec<&Value> {
        let fields = self.log.iter().map(|line| &line["fields"]);
        fields.filter(|fields| fields["event"] == name).collect()
    }

    /// The fields of the one event of a name.
    ///
    /// # Panics
    ///
    /// If there is none, or another one.
    #[must_use]
    #[track_caller]
    pub fn event(&self, name: &str) -> &Value {
        match self.events(name)[..] {
            [event] => event,
            ref others => panic!("{} events {name} in {:#?}", others.len(), self.log),
        }
    }

    /// A number of the one event of a name.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    #[track_caller]
    pub fn number(&self, event: &str, field: &str) -> u64 {
        self.event(event)[field].as_u64().expect("the field is a number")
    }

    /// Checks what every stop must show, and that this one was not forced.
    ///
    /// # Panics
    ///
    /// If it was not clean.
    #[track_caller]
    pub fn is_clean(&self) {
        self.adds_up();
        assert_eq!(self.code, Some(0), "{:#?}", self.log);
        assert_eq!(self.event("shutdown.completed")["outcome"], "clean", "{:#?}", self.log);
        assert!(self.events("shutdown.forced").is_empty(), "{:#?}", self.log);
    }

    /// Checks that the stop was told from its begin to its end, and that its numbers add up.
    ///
    /// # Panics
    ///
    /// If that is not so.
    #[track_caller]
    pub fn adds_up(&self) {
        assert!(self.log.iter().all(Value::is_object), "not only JSON: {:#?}", self.log);
        let _once = self.event("shutdown.initiated");
        let [accepted, finished, rejected, aborted] =
            ["accepted", "finished", "rejected", "aborted"]
                .map(|field| self.number("shutdown.completed", field));
        assert_eq!(accepted, finished + rejected + aborted, "{:#?}", self.log);
    }
}
