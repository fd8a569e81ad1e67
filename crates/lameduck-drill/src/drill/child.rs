//! The program of a drill: started, read, signalled, and killed by its own process id only.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader, Lines},
    net::TcpStream,
    process,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{DrillError, DrillOptions, StopEvent, place::Place, stop_log};

/// How long the program may take until it listens.
const START: Duration = Duration::from_secs(10);

/// How often a given address is tried.
const LOOK: Duration = Duration::from_millis(10);

/// How long the last lines may take to arrive after the program's end. A child process of the
/// program could keep the pipe open.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The text before the address.
const LISTENING: &str = "listening on http://";

/// How many lines of standard error are kept, to explain a start that fails.
const KEPT_LINES: usize = 20;

/// The program of a drill. Dropped, it is killed.
pub(super) struct Child {
    child: process::Child,
    addr: SocketAddr,
    output: Arc<Mutex<Output>>,
    readers: JoinSet<()>,
}

#[derive(Default)]
struct Output {
    log: Vec<StopEvent>,
    /// Lines that are not events.
    lines: VecDeque<String>,
}

impl Child {
    pub(super) async fn start(
        program: &Path,
        options: &DrillOptions,
        place: &Place,
    ) -> Result<Self, DrillError> {
        if let Some(addr) = options.addr {
            if TcpStream::connect(addr).await.is_ok() {
                return Err(DrillError::new(format!("another program listens on {addr}")));
            }
        }
        let make = |path: &Path| {
            let mut command = process::Command::new(path);
            command.args(&options.args).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            command
        };
        let mut child = place
            .spawn(program, make)
            .map_err(|error| DrillError::io("the program cannot be started", error))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(DrillError::new("the program has no output"));
        };
        let output = Arc::new(Mutex::new(Output::default()));
        let mut readers = JoinSet::new();
        readers.spawn(read_log(BufReader::new(stderr).lines(), Arc::clone(&output)));
        let mut lines = BufReader::new(stdout).lines();
        let listens = async {
            match options.addr {
                None => find_addr(&mut lines).await,
                Some(addr) => accepts(addr, &mut child).await,
            }
        };
        let Ok(Some(addr)) = timeout(START, listens).await else {
            let what = match options.addr {
                None => "the program does not print `listening on http://ADDR`".to_owned(),
                Some(addr) => format!("the program does not listen on {addr}"),
            };
            // The last lines of its output are the best explanation.
            let _ = child.kill().await;
            end(&mut readers).await;
            let output = lock(&output).lines.iter().cloned().collect();
            return Err(DrillError::new(what).with_output(output));
        };
        // Read until the end: a full pipe would block the program.
        readers.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, addr, output, readers })
    }

    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends SIGTERM. It is not an error if the program has ended.
    pub(super) fn terminate(&self) -> Result<(), DrillError> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { return Ok(()) };
        kill_process(pid, Signal::TERM)
            .map_err(|error| DrillError::io("SIGTERM cannot be sent", io::Error::from(error)))
    }

    /// Waits for the end of the program. Cancel safe.
    pub(super) async fn exited(&mut self) -> Result<ExitStatus, DrillError> {
        self.child
            .wait()
            .await
            .map_err(|error| DrillError::io("the exit status is not known", error))
    }

    /// Kills the program and waits for its end.
    pub(super) async fn kill(&mut self) -> Result<(), DrillError> {
        self.child
            .kill()
            .await
            .map_err(|error| DrillError::io("the program cannot be killed", error))
    }

    /// The last event with which a phase began.
    pub(super) fn last_event(&self) -> Option<StopEvent> {
        let output = lock(&self.output);
        let begins = |event: &&StopEvent| stop_log::phase_of(&event.event).is_some();
        output.log.iter().rev().find(begins).cloned()
    }

    /// The log of the stop, complete after the program's last line.
    pub(super) async fn into_log(mut self) -> Vec<StopEvent> {
        end(&mut self.readers).await;
        std::mem::take(&mut lock(&self.output).log)
    }
}

/// Lets the readers read to the end of the output.
async fn end(readers: &mut JoinSet<()>) {
    let all = async { while readers.join_next().await.is_some() {} };
    let _ = timeout(LAST_LINES, all).await;
}

/// Reads lines until one says where the program listens.
async fn find_addr<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> Option<SocketAddr> {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, addr)) = line.split_once(LISTENING) {
            return addr.trim_end_matches('/').trim().parse().ok();
        }
    }
    None
}

/// Waits until the program accepts a connection. None if it ends before.
async fn accepts(addr: SocketAddr, child: &mut process::Child) -> Option<SocketAddr> {
    while TcpStream::connect(addr).await.is_err() {
        if child.try_wait().ok()?.is_some() {
            return None;
        }
        sleep(LOOK).await;
    }
    Some(addr)
}

/// Reads standard error to its end.
async fn read_log<R: AsyncRead + Unpin>(
    mut lines: Lines<BufReader<R>>,
    output: Arc<Mutex<Output>>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        let mut output = lock(&output);
        match stop_log::parse(&line) {
            Some(event) => output.log.push(event),
            None => {
                if output.lines.len() == KEPT_LINES {
                    output.lines.pop_front();
                }
                output.lines.push_back(line);
            }
        }
    }
}

fn lock(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}
