//! The real binary, started, stopped by a signal, and read to its end.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use lameduck_test::idle_connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::{Instant, timeout},
};

/// No test waits longer than this for the process to end.
const LIMIT: Duration = Duration::from_secs(60);

/// A running quickstart. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) addr: SocketAddr,
    log: watch::Receiver<Vec<Value>>,
}

/// How it ended.
pub(crate) struct Stopped {
    pub(crate) code: Option<i32>,
    /// From the moment the test began to wait.
    pub(crate) waited: Duration,
    pub(crate) log: Vec<Value>,
}

impl Server {
    /// Starts the server with windows in milliseconds (lame duck, drain, cancel), and waits until
    /// it is ready.
    pub(crate) async fn start([lame_duck, drain, cancel]: [u64; 3]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_quickstart"))
            .args(["--lame-duck", &lame_duck.to_string()])
            .args(["--drain", &drain.to_string()])
            .args(["--cancel", &cancel.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = timeout(LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap();
        let addr = line.strip_prefix("listening on http://").unwrap().parse().unwrap();
        // Read all the while: a full pipe would stop the server.
        let mut stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = watch::channel(Vec::new());
        let read = async move {
            while let Some(line) = stderr.next_line().await.unwrap() {
                let line = serde_json::from_str(&line).expect(&line);
                sender.send_modify(|log: &mut Vec<Value>| log.push(line));
            }
        };
        #[expect(clippy::disallowed_methods, reason = "ends with the process")]
        tokio::spawn(read);
        // Answered only once the start is over.
        drop(idle_connection(addr).await);
        Self { child, addr, log }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits until an event is logged.
    pub(crate) async fn logged(&mut self, event: &str) {
        let is_there = |log: &Vec<Value>| log.iter().any(|line| line["fields"]["event"] == event);
        let wait = timeout(LIMIT, self.log.wait_for(is_there));
        drop(wait.await.expect("the event is never logged").expect("the process ended before"));
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn stopped(mut self) -> Stopped {
        let began = Instant::now();
        let status = timeout(LIMIT, self.child.wait()).await.expect("the process never ends");
        let waited = began.elapsed();
        // The sender is dropped when the log was read to its end.
        while self.log.changed().await.is_ok() {}
        let log = self.log.borrow().clone();
        Stopped { code: status.unwrap().code(), waited, log }
    }
}

impl Stopped {
    /// The events of one name.
    pub(crate) fn events(&self, name: &str) -> Vec<&Value> {
        let fields = self.log.iter().map(|line| &line["fields"]);
        fields.filter(|fields| fields["event"] == name).collect()
    }

    /// The one event of a name.
    #[track_caller]
    pub(crate) fn event(&self, name: &str) -> &Value {
        match self.events(name)[..] {
            [event] => event,
            ref others => panic!("{} events {name} in {:#?}", others.len(), self.log),
        }
    }

    /// Checks what every stop must show, and that it was not forced.
    #[track_caller]
    pub(crate) fn is_clean(&self) {
        self.adds_up();
        assert_eq!(self.code, Some(0), "{:#?}", self.log);
        assert_eq!(self.event("shutdown.completed")["outcome"], "clean");
        assert!(self.events("shutdown.forced").is_empty());
    }

    /// Checks that the stop was told from its begin to its end, and its numbers add up.
    #[track_caller]
    pub(crate) fn adds_up(&self) {
        self.event("shutdown.initiated");
        let done = self.event("shutdown.completed");
        let number = |name: &str| done[name].as_u64().unwrap();
        let ended = number("finished") + number("rejected") + number("aborted");
        assert_eq!(number("accepted"), ended, "{done}");
    }
}
