//! Ends a process that no longer hears its signals.

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

/// The stages take three signals. The next one is the last.
const STAGES: usize = 3;

/// A thread that counts the stop signals on its own, whatever the program's runtime does.
///
/// Dropping it leaves the thread alone: the handlers stay, so the way out must stay, too.
#[derive(Debug)]
pub(crate) struct LastResort {
    heard: Arc<AtomicUsize>,
    /// What the triggers' owner heard. Two signals that came too fast for one of the two listeners
    /// may not have been for the other: whoever hears the fourth ends the process.
    heard_by_owner: usize,
}

impl LastResort {
    /// Returns once the thread listens.
    pub(crate) fn start(signals: Vec<Signal>) -> Result<Self, SignalError> {
        let (ready, is_ready) = mpsc::sync_channel(1);
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        // The runtime lives and dies on its thread: dropping one inside another one panics.
        let run = move || match listen(&signals) {
            Ok((runtime, listeners)) => {
                let _ = ready.send(Ok(()));
                match runtime.block_on(watch(listeners, &count)) {}
            }
            Err(error) => drop(ready.send(Err(error))),
        };
        thread::Builder::new()
            .name("last-resort".to_owned())
            .spawn(run)
            .map_err(SignalError::last_resort)?;
        match is_ready.recv() {
            Ok(started) => started.map(|()| Self { heard, heard_by_owner: 0 }),
            Err(gone) => Err(SignalError::last_resort(io::Error::other(gone))),
        }
    }

    /// Counts a signal that the triggers' owner heard.
    pub(crate) fn hear(&mut self, signal: Signal) {
        self.heard_by_owner += 1;
        if self.heard_by_owner > STAGES {
            end(signal);
        }
    }

    /// Counts from zero again: the stop was called off.
    pub(crate) fn reset(&mut self) {
        // Relaxed: only a count, nothing is published with it.
        self.heard.store(0, Ordering::Relaxed);
        self.heard_by_owner = 0;
    }
}

type Listeners = Vec<(Signal, Listener)>;

fn listen(signals: &[Signal]) -> Result<(runtime::Runtime, Listeners), SignalError> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(SignalError::last_resort)?;
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

async fn watch(mut listeners: Listeners, heard: &AtomicUsize) -> Infallible {
    future::poll_fn(|cx: &mut Context<'_>| {
        for (signal, listener) in &mut listeners {
            while listener.poll(cx).is_ready() {
                if heard.fetch_add(1, Ordering::Relaxed) >= STAGES {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the user's own wish, insisted on"
                    )]
                    process::exit(os::last_exit_code(*signal));
                }
            }
        }
        Poll::Pending
    })
    .await
}

#[expect(clippy::disallowed_methods, reason = "what the user opted in to, and insisted on")]
fn end(signal: Signal) -> ! {
    process::exit(os::last_exit_code(signal))
}
