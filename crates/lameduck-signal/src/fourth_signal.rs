//! Ends a process that no longer reacts to its signals.

use std::{
    convert::Infallible,
    future, io, process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll},
    thread,
};

use tokio::runtime;

use crate::{
    Signal, SignalError,
    os::{self, Listener},
};

/// Three signals begin, cancel and force a stop. The next one ends the process.
const ESCALATIONS: usize = 3;

/// A thread that counts the stop signals, and needs nothing of the program's runtime.
///
/// The thread outlives this handle: the signal handlers stay installed, so the process must stay
/// possible to end.
#[derive(Debug)]
pub(crate) struct FourthSignal {
    seen: Arc<AtomicUsize>,
    /// How many signals [`Triggers`](crate::Triggers) received. Two signals in quick succession may be
    /// one for this thread and two for the other listener, or the reverse. The listener that counts
    /// four ends the process.
    seen_by_owner: usize,
}

impl FourthSignal {
    /// Returns when the thread listens.
    pub(crate) fn start(signals: Vec<Signal>) -> Result<Self, SignalError> {
        let (ready, is_ready) = mpsc::sync_channel(1);
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        // The runtime lives and dies on its thread: dropping one inside another one panics.
        let run = move || match listen(&signals) {
            Ok((runtime, listeners)) => {
                let _ = ready.send(Ok(()));
                match runtime.block_on(watch(listeners, &count)) {}
            }
            Err(error) => drop(ready.send(Err(error))),
        };
        thread::Builder::new()
            .name("fourth-signal".to_owned())
            .spawn(run)
            .map_err(SignalError::fourth_signal)?;
        match is_ready.recv() {
            Ok(started) => started.map(|()| Self { seen, seen_by_owner: 0 }),
            Err(gone) => Err(SignalError::fourth_signal(io::Error::other(gone))),
        }
    }

    /// Counts a signal that `Triggers` received.
    pub(crate) fn count(&mut self, signal: Signal) {
        self.seen_by_owner += 1;
        if self.seen_by_owner > ESCALATIONS {
            end(signal);
        }
    }

    /// Counts from zero again: the stop was cancelled.
    pub(crate) fn reset(&mut self) {
        // Relaxed: only a count, nothing is published with it.
        self.seen.store(0, Ordering::Relaxed);
        self.seen_by_owner = 0;
    }
}

type Listeners = Vec<(Signal, Listener)>;

fn listen(signals: &[Signal]) -> Result<(runtime::Runtime, Listeners), SignalError> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(SignalError::fourth_signal)?;
    let listeners = {
        let _inside = runtime.enter();
        signals
            .iter()
            .map(|&signal| match Listener::new(signal) {
                Ok(listener) => Ok((signal, listener)),
                Err(source) => Err(SignalError::listen(signal, source)),
            })
            .collect::<Result<_, _>>()?
    };
    Ok((runtime, listeners))
}

async fn watch(mut listeners: Listeners, seen: &AtomicUsize) -> Infallible {
    future::poll_fn(|cx: &mut Context<'_>| {
        for (signal, listener) in &mut listeners {
            while listener.poll(cx).is_ready() {
                if seen.fetch_add(1, Ordering::Relaxed) >= ESCALATIONS {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the user opted in, and sent four signals"
                    )]
                    process::exit(os::exit_code_at_end(*signal));
                }
            }
        }
        Poll::Pending
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "the user opted in, and sent four signals")]
fn end(signal: Signal) -> ! {
    process::exit(os::exit_code_at_end(signal))
}
