//! Signals on Unix.

use std::{
    io,
    task::{Context, Poll},
};

use tokio::signal::unix::{self, SignalKind};

use crate::Signal;

/// Listens for one signal.
#[derive(Debug)]
pub(crate) struct Listener {
    inner: unix::Signal,
}

impl Listener {
    pub(crate) fn new(signal: Signal) -> io::Result<Self> {
        let kind = match signal {
            Signal::Terminate => SignalKind::terminate(),
            Signal::Interrupt => SignalKind::interrupt(),
            Signal::Quit => SignalKind::quit(),
            Signal::Hangup => SignalKind::hangup(),
        };
        Ok(Self { inner: unix::signal(kind)? })
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_recv(cx).map(drop)
    }
}

/// The exit code at the fourth signal: what a shell reports for the signal.
pub(crate) fn exit_code_at_end(signal: Signal) -> i32 {
    i32::from(signal.exit_code())
}
