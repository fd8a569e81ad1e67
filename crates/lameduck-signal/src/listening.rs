//! The thread that receives signals.

use std::{
    convert::Infallible,
    future, io,
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use tokio::{runtime, sync::mpsc};

use crate::{
    Signal, SignalError, StopCause,
    handle::ESCALATIONS,
    memory::Memory,
    os::{self, Listener},
};

/// How long a program has to end by itself after a signal that nothing waits for.
const UNHEARD: Duration = Duration::from_secs(1);

/// How many [`Triggers`](crate::Triggers) of the process wait for signals.
pub(crate) static TRIGGERS: AtomicUsize = AtomicUsize::new(0);

/// Called on the thread for each signal that counts.
pub(crate) type Observer = Box<dyn FnMut(&StopCause) + Send>;

/// What the thread does with the signals.
pub(crate) struct Listening {
    pub(crate) stop: Vec<Signal>,
    pub(crate) reload: Vec<(Signal, mpsc::Sender<()>)>,
    pub(crate) causes: mpsc::Sender<StopCause>,
    pub(crate) observer: Option<Observer>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) has_terminal: bool,
    pub(crate) debounce: Option<Duration>,
    pub(crate) exits_at_fourth_signal: bool,
}

impl Listening {
    /// Starts the thread. Returns when it listens.
    ///
    /// A thread of its own receives signals also when every thread of the program's runtime is
    /// blocked. It lives as long as the process, as the signal handlers do.
    pub(crate) fn start(self) -> Result<(), SignalError> {
        let (ready, is_ready) = sync_channel(1);
        // The runtime lives and ends on its thread: dropping one inside another one panics.
        let run = move || match self.listen() {
            Ok((runtime, mut listeners)) => {
                let _ = ready.send(Ok(()));
                match runtime.block_on(listeners.run()) {}
            }
            Err(error) => drop(ready.send(Err(error))),
        };
        thread::Builder::new()
            .name("lameduck-signals".to_owned())
            .spawn(run)
            .map_err(SignalError::thread)?;
        is_ready.recv().unwrap_or_else(|gone| Err(SignalError::thread(io::Error::other(gone))))
    }

    fn listen(self) -> Result<(runtime::Runtime, Listeners), SignalError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(SignalError::thread)?;
        let inside = runtime.enter();
        let listen = |signal| match Listener::new(signal) {
            Ok(listener) => Ok((signal, listener)),
            Err(source) => Err(SignalError::listen(signal, source)),
        };
        let stop = self.stop.iter().map(|&signal| listen(signal)).collect::<Result<_, _>>()?;
        let reload = self.reload.iter().map(|(signal, notify)| {
            listen(*signal).map(|(_, listener)| (listener, notify.clone()))
        });
        let reload = reload.collect::<Result<_, _>>()?;
        drop(inside);
        Ok((runtime, Listeners { stop, reload, options: self }))
    }

    fn receive(&mut self, signal: Signal) {
        let received = self.memory.receive();
        if self.exits_at_fourth_signal && received > ESCALATIONS {
            end_process(signal);
        }
        let cause = StopCause::of_signal(signal, self.has_terminal);
        let debounce = self.debounce.filter(|_| !cause.is_interactive()).unwrap_or_default();
        if !self.memory.counts(signal, debounce) {
            return;
        }
        if self.causes.is_closed() {
            end_process_if_unheard(signal, &self.memory);
            return;
        }
        // First, so that what it begins to wait for can only come later.
        if let Some(observer) = &mut self.observer {
            // The thread goes on without what the observer did.
            let _ = catch_unwind(AssertUnwindSafe(|| observer(&cause)));
        }
        // Full: the third escalation waits. Closed meanwhile: `Triggers` looks at what is left.
        let _ = self.causes.try_send(cause);
    }
}

/// What a signal does without a handler, when no triggers wait for it any more: a second later it
/// ends the process. A program that is about to end by itself has this time.
///
/// If a stop was asked for, its owner ends the process.
pub(crate) fn end_process_if_unheard(signal: Signal, memory: &Memory) {
    if memory.escalation().is_some() {
        return;
    }
    let end = move || {
        thread::sleep(UNHEARD);
        if TRIGGERS.load(Ordering::SeqCst) == 0 {
            end_process(signal);
        }
    };
    // If the system has no thread left, the signal is lost.
    drop(thread::Builder::new().name("lameduck-signals".to_owned()).spawn(end));
}

/// The handler cannot be removed, so this takes the place of the default action.
#[expect(clippy::disallowed_methods, reason = "the default action of the signal")]
fn end_process(signal: Signal) -> ! {
    process::exit(os::exit_code_at_end(signal))
}

struct Listeners {
    stop: Vec<(Signal, Listener)>,
    reload: Vec<(Listener, mpsc::Sender<()>)>,
    options: Listening,
}

impl Listeners {
    async fn run(&mut self) -> Infallible {
        future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Every listener is polled until it is pending, so that its next signal wakes the thread.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Infallible> {
        let Self { stop, reload, options } = self;
        for (signal, listener) in stop {
            while listener.poll(cx).is_ready() {
                options.receive(*signal);
            }
        }
        for (listener, notify) in reload {
            while listener.poll(cx).is_ready() {
                // Full: the reload that waits has not begun. Closed: the triggers are gone.
                let _ = notify.try_send(());
            }
        }
        Poll::Pending
    }
}
