//! Which triggers are installed.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    Signal, SignalError, StopCause, TriggerHandle, Triggers,
    handle::ESCALATIONS,
    listening::{Listening, Observer},
    memory::Memory,
    triggers::{NamedFuture, Parts, Reload},
};

/// A wrapper that signals a process and then its group does so within this time.
const DEBOUNCE: Duration = Duration::from_secs(1);

/// Which signals and other triggers ask for a stop. [`install`](Self::install) puts them in place.
///
/// By default [`Signal::Terminate`] and [`Signal::Interrupt`] ask for a stop. [`Signal::Quit`]
/// keeps its default action, a core dump, and so does [`Signal::Hangup`], the end of the process.
#[must_use = "no signal is handled until `install` is called"]
pub struct Signals {
    stop: Vec<Signal>,
    reload: Vec<(Signal, Box<dyn FnMut() + Send>)>,
    futures: Vec<NamedFuture>,
    handle: TriggerHandle,
    named: mpsc::Receiver<Cow<'static, str>>,
    memory: Arc<Memory>,
    observer: Option<Observer>,
    has_terminal: Option<bool>,
    debounce: Option<Duration>,
    exits_at_fourth_signal: bool,
}

impl Signals {
    /// SIGTERM and SIGINT; on Windows Ctrl-C, and the end of the console or the system.
    pub fn new() -> Self {
        let memory = Arc::new(Memory::new());
        let (handle, named) = TriggerHandle::channel(Arc::clone(&memory));
        Self {
            stop: vec![Signal::Terminate, Signal::Interrupt],
            reload: Vec::new(),
            futures: Vec::new(),
            handle,
            named,
            memory,
            observer: None,
            has_terminal: None,
            debounce: Some(DEBOUNCE),
            exits_at_fourth_signal: false,
        }
    }

    /// Lets `signal` ask for a stop.
    pub fn with(self, signal: Signal) -> Self {
        let mut this = self.without(signal);
        this.stop.push(signal);
        this
    }

    /// Does not handle `signal`: it keeps the action that it had before.
    pub fn without(mut self, signal: Signal) -> Self {
        self.stop.retain(|&other| other != signal);
        self.reload.retain(|&(other, _)| other != signal);
        self
    }

    /// Calls `reload` for each `signal`, which then does not ask for a stop. For "read the
    /// configuration again", the meaning of SIGHUP for a daemon.
    ///
    /// The closure runs in the task that waits for [`Triggers::next`], so it should only notify
    /// another task. Several signals before it can run are one call.
    pub fn on_reload(self, signal: Signal, reload: impl FnMut() + Send + 'static) -> Self {
        let mut this = self.without(signal);
        this.reload.push((signal, Box::new(reload)));
        this
    }

    /// Lets `future` ask for a stop, once, when it completes. `name` is the cause in the log.
    ///
    /// The task that waits for [`Triggers::next`] polls it.
    pub fn with_future(
        mut self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.futures.push((name.into(), Box::pin(future)));
        self
    }

    /// Sets whether the process has a terminal, so that an interrupt comes from a person.
    ///
    /// By default it has one if the standard input or the standard error is a terminal.
    pub const fn with_terminal(mut self, has_terminal: bool) -> Self {
        self.has_terminal = Some(has_terminal);
        self
    }

    /// Sets for how long after a signal the same signal does not count again.
    ///
    /// By default 1 s: supervisors and wrappers may send one signal twice, to a process and to its
    /// process group. An interrupt from a [terminal](Self::with_terminal) always counts, and so do
    /// handles and futures. `None` counts every signal.
    pub const fn with_debounce(mut self, time: Option<Duration>) -> Self {
        self.debounce = time;
        self
    }

    /// Ends the process at the fourth stop signal, even if none of its tasks runs any more.
    ///
    /// Every signal counts here, repeated ones included. By default off: a process whose runtime is
    /// stuck does not react to the installed signals. The thread that receives signals counts
    /// them, and outlives the [`Triggers`], because a runtime can hang while it is dropped. The
    /// process ends with [`Signal::exit_code`] and runs no destructors.
    pub const fn with_exit_at_fourth_signal(mut self) -> Self {
        self.exits_at_fourth_signal = true;
        self
    }

    /// Calls `observer` for each stop signal that counts, on the thread that receives signals, also
    /// when the runtime of the program is stuck. It must not block. Plumbing of lameduck's own
    /// crates.
    #[doc(hidden)]
    pub fn with_observer(mut self, observer: impl FnMut(&StopCause) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// A handle that lets the program itself ask for a stop, also before the install.
    #[must_use]
    pub fn handle(&self) -> TriggerHandle {
        self.handle.clone()
    }

    /// Installs the signal handlers. To be called before the socket is bound.
    ///
    /// From then on the signals do not end the process, for as long as it lives. A thread of its
    /// own receives them, so a runtime whose threads are blocked delays only what follows from
    /// them.
    ///
    /// # Errors
    ///
    /// When the system does not accept a handler, and when the thread cannot be started.
    pub fn install(self) -> Result<Triggers, SignalError> {
        let Self {
            stop,
            reload,
            futures,
            handle,
            named,
            memory,
            observer,
            has_terminal,
            debounce,
            exits_at_fourth_signal,
        } = self;
        let (causes, signals) = mpsc::channel(ESCALATIONS);
        let (mut notify, mut reloads) = (Vec::new(), Vec::new());
        for (signal, call) in reload {
            // One place: several signals before the reload runs are one reload.
            let (sender, signals) = mpsc::channel(1);
            notify.push((signal, sender));
            reloads.push(Reload { signal, signals, call });
        }
        let listening = Listening {
            stop: stop.clone(),
            reload: notify,
            causes,
            observer,
            memory: Arc::clone(&memory),
            has_terminal: has_terminal
                .unwrap_or_else(|| io::stdin().is_terminal() || io::stderr().is_terminal()),
            debounce,
            exits_at_fourth_signal,
        };
        listening.start()?;
        Ok(Triggers::new(Parts { stop, signals, reload: reloads, futures, handle, named, memory }))
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            stop,
            reload,
            futures,
            has_terminal,
            debounce,
            exits_at_fourth_signal,
            handle: _,
            named: _,
            memory: _,
            observer: _,
        } = self;
        let reload: Vec<_> = reload.iter().map(|(signal, _)| signal).collect();
        let futures: Vec<_> = futures.iter().map(|(name, _)| name).collect();
        f.debug_struct("Signals")
            .field("stop", stop)
            .field("reload", &reload)
            .field("futures", &futures)
            .field("has_terminal", has_terminal)
            .field("debounce", debounce)
            .field("exits_at_fourth_signal", exits_at_fourth_signal)
            .finish_non_exhaustive()
    }
}
