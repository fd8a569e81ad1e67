//! What is to be listened for.

use std::{
    borrow::Cow,
    fmt,
    future::Future,
    io::{self, IsTerminal},
};

use tokio::{runtime, sync::mpsc};

use crate::{
    Signal, SignalError, TriggerHandle, Triggers,
    last_resort::LastResort,
    os::Listener,
    triggers::{NamedFuture, Parts, Reload},
};

/// What is to be listened for. [`install`](Self::install) makes it real.
///
/// By default [`Signal::Terminate`] and [`Signal::Interrupt`] ask for a stop. [`Signal::Quit`]
/// keeps its default action, a core dump, and [`Signal::Hangup`] its own, the end of the process.
#[must_use = "nothing is listened for until `install` is called"]
pub struct Signals {
    stop: Vec<Signal>,
    reload: Vec<(Signal, Reload)>,
    futures: Vec<NamedFuture>,
    handle: TriggerHandle,
    named: mpsc::Receiver<Cow<'static, str>>,
    has_terminal: Option<bool>,
    last_resort: bool,
}

impl Signals {
    /// SIGTERM and SIGINT; on Windows Ctrl-C, and the end of the console or the system.
    pub fn new() -> Self {
        let (handle, named) = TriggerHandle::channel();
        Self {
            stop: vec![Signal::Terminate, Signal::Interrupt],
            reload: Vec::new(),
            futures: Vec::new(),
            handle,
            named,
            has_terminal: None,
            last_resort: false,
        }
    }

    /// Lets `signal` ask for a stop, and for nothing else.
    pub fn with(self, signal: Signal) -> Self {
        let mut this = self.without(signal);
        this.stop.push(signal);
        this
    }

    /// Leaves `signal` alone: it keeps the action it had before.
    pub fn without(mut self, signal: Signal) -> Self {
        self.stop.retain(|&other| other != signal);
        self.reload.retain(|&(other, _)| other != signal);
        self
    }

    /// Calls `reload` for each `signal`, which then asks for no stop. For "read your configuration
    /// again", which is what SIGHUP means to a daemon.
    ///
    /// The closure runs in the task that waits for [`Triggers::next`], so it should only pass the
    /// news on. Several signals before it could run are one call.
    pub fn on_reload(self, signal: Signal, reload: impl FnMut() + Send + 'static) -> Self {
        let mut this = self.without(signal);
        this.reload.push((signal, Box::new(reload)));
        this
    }

    /// Lets `future` ask for a stop, once, when it completes; `name` says in the log who asked.
    ///
    /// The future is polled by whoever waits for [`Triggers::next`].
    pub fn with_future(
        mut self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.futures.push((name.into(), Box::pin(future)));
        self
    }

    /// Says whether the process has a terminal, so that an interrupt comes from somebody who
    /// looks on.
    ///
    /// By default it has one if the standard input or the standard error output is a terminal.
    pub const fn with_terminal(mut self, has_terminal: bool) -> Self {
        self.has_terminal = Some(has_terminal);
        self
    }

    /// Ends the process at the fourth stop signal, even if no task of it runs any more.
    ///
    /// By default off, and a process whose runtime is stuck hears none of the signals that were
    /// installed. The count is kept on a thread with a listener of its own, which outlives the
    /// [`Triggers`]: a runtime that is being dropped may hang, too. The process ends with
    /// [`Signal::exit_code`], without running destructors: three signals were given their time.
    pub const fn with_last_resort(mut self) -> Self {
        self.last_resort = true;
        self
    }

    /// A handle with which the program itself can ask for a stop, also before the install.
    #[must_use]
    pub fn handle(&self) -> TriggerHandle {
        self.handle.clone()
    }

    /// Installs the handlers. To be called before the socket is bound.
    ///
    /// From here on the signals no longer end the process, for as long as it lives.
    ///
    /// # Errors
    ///
    /// Outside of a tokio runtime, where the system refuses a handler, and where the thread of the
    /// last resort cannot be started.
    ///
    /// # Panics
    ///
    /// On Unix, as tokio does, on a runtime that was built without `enable_io` or `enable_all`.
    pub fn install(self) -> Result<Triggers, SignalError> {
        let Self { stop, reload, futures, handle, named, has_terminal, last_resort } = self;
        if runtime::Handle::try_current().is_err() {
            return Err(SignalError::no_runtime());
        }
        let last_resort = if last_resort { Some(LastResort::start(stop.clone())?) } else { None };
        let stop = stop
            .into_iter()
            .map(|signal| Ok((signal, listen(signal)?)))
            .collect::<Result<_, SignalError>>()?;
        let reload = reload
            .into_iter()
            .map(|(signal, call)| Ok((signal, listen(signal)?, call)))
            .collect::<Result<_, SignalError>>()?;
        let has_terminal =
            has_terminal.unwrap_or_else(|| io::stdin().is_terminal() || io::stderr().is_terminal());
        Ok(Triggers::new(Parts { stop, reload, futures, handle, named, has_terminal, last_resort }))
    }
}

fn listen(signal: Signal) -> Result<Listener, SignalError> {
    Listener::new(signal).map_err(|source| SignalError::listen(signal, source))
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stop, reload, futures, handle: _, named: _, has_terminal, last_resort } = self;
        let reload: Vec<_> = reload.iter().map(|(signal, _)| signal).collect();
        let futures: Vec<_> = futures.iter().map(|(name, _)| name).collect();
        f.debug_struct("Signals")
            .field("stop", stop)
            .field("reload", &reload)
            .field("futures", &futures)
            .field("has_terminal", has_terminal)
            .field("last_resort", last_resort)
            .finish_non_exhaustive()
    }
}
