//! The program under drill: started, listened to, signalled, and ended by its own id only.

use std::{
    collections::VecDeque,
    ffi::OsString,
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
    process,
    task::JoinSet,
    time::timeout,
};

use super::{DrillError, Place, StopEvent, stop_log};

/// How long the program may take to say where it listens.
const START: Duration = Duration::from_secs(10);

/// How long its last lines may take to arrive after its end. A grandchild could hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What comes before the address.
const LISTENING: &str = "listening on http://";

/// Lines of standard error that are kept for the case that the start fails.
const KEPT_LINES: usize = 20;

/// The program under drill. Dropped, it is killed.
pub(super) struct Child {
    child: process::Child,
    addr: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    readers: JoinSet<()>,
}

#[derive(Default)]
struct Heard {
    log: Vec<StopEvent>,
    /// Lines that are no events.
    lines: VecDeque<String>,
}

impl Child {
    pub(super) async fn start(
        program: &Path,
        args: &[OsString],
        place: &Place,
    ) -> Result<Self, DrillError> {
        let make = |path: &Path| {
            let mut command = process::Command::new(path);
            command.args(args).stdin(Stdio::null());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            command
        };
        let mut child = place
            .spawn(program, make)
            .map_err(|error| DrillError::io("the program cannot be started", error))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(DrillError::new("the program has no output"));
        };
        let heard = Arc::new(Mutex::new(Heard::default()));
        let mut readers = JoinSet::new();
        readers.spawn(listen(BufReader::new(stderr).lines(), Arc::clone(&heard)));
        let mut lines = BufReader::new(stdout).lines();
        let Ok(Some(addr)) = timeout(START, find_addr(&mut lines)).await else {
            let what = "the program does not say `listening on http://ADDR` on its output";
            // It ends now, if it has not, and what it said last is the best explanation.
            let _ = child.kill().await;
            end(&mut readers).await;
            let said = lock(&heard).lines.iter().cloned().collect();
            return Err(DrillError::new(what).with_said(said));
        };
        // Read on, so that the program is never stopped by a pipe that is full.
        readers.spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, addr, heard, readers })
    }

    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends SIGTERM. Once the program has ended there is nobody to send it to, which is no error.
    pub(super) fn terminate(&self) -> Result<(), DrillError> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { return Ok(()) };
        kill_process(pid, Signal::TERM)
            .map_err(|error| DrillError::io("SIGTERM cannot be sent", io::Error::from(error)))
    }

    /// Waits for the end of the program. Cancel safe.
    pub(super) async fn exited(&mut self) -> Result<ExitStatus, DrillError> {
        self.child.wait().await.map_err(|error| DrillError::io("the program is gone", error))
    }

    /// Kills the program and waits for its end.
    pub(super) async fn kill(&mut self) -> Result<(), DrillError> {
        self.child.kill().await.map_err(|error| DrillError::io("it cannot be killed", error))
    }

    /// The last event that began a phase.
    pub(super) fn last_event(&self) -> Option<StopEvent> {
        let heard = lock(&self.heard);
        let begins = |event: &&StopEvent| stop_log::phase_of(&event.event).is_some();
        heard.log.iter().rev().find(begins).cloned()
    }

    /// The log of the stop, after the program's last line.
    pub(super) async fn into_log(mut self) -> Vec<StopEvent> {
        end(&mut self.readers).await;
        std::mem::take(&mut lock(&self.heard).log)
    }
}

/// Lets the readers read to the end of the output.
async fn end(readers: &mut JoinSet<()>) {
    let all = async { while readers.join_next().await.is_some() {} };
    let _ = timeout(LAST_WORDS, all).await;
}

/// Reads lines up to the one that says where the program listens.
async fn find_addr<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> Option<SocketAddr> {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, addr)) = line.split_once(LISTENING) {
            return addr.trim_end_matches('/').trim().parse().ok();
        }
    }
    None
}

/// Reads standard error to its end.
async fn listen<R: AsyncRead + Unpin>(mut lines: Lines<BufReader<R>>, heard: Arc<Mutex<Heard>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let mut heard = lock(&heard);
        match stop_log::parse(&line) {
            Some(event) => heard.log.push(event),
            None => {
                if heard.lines.len() == KEPT_LINES {
                    heard.lines.pop_front();
                }
                heard.lines.push_back(line);
            }
        }
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
