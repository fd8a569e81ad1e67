//! Console events, which Windows has in place of signals.

use std::{
    io,
    task::{Context, Poll},
};

use tokio::signal::windows::{self, CtrlBreak, CtrlC, CtrlClose, CtrlShutdown};

use crate::Signal;

/// `STATUS_CONTROL_C_EXIT`: the exit code of a process that Ctrl-C ended.
const CONTROL_C_EXIT: u32 = 0xC000_013A;

/// Listens for the console events that one signal stands for.
#[derive(Debug)]
pub(crate) enum Listener {
    Interrupt(CtrlC),
    Quit(CtrlBreak),
    Terminate(CtrlClose, CtrlShutdown),
    Never,
}

impl Listener {
    pub(crate) fn new(signal: Signal) -> io::Result<Self> {
        Ok(match signal {
            Signal::Terminate => Self::Terminate(windows::ctrl_close()?, windows::ctrl_shutdown()?),
            Signal::Interrupt => Self::Interrupt(windows::ctrl_c()?),
            Signal::Quit => Self::Quit(windows::ctrl_break()?),
            Signal::Hangup => Self::Never,
        })
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Interrupt(event) => event.poll_recv(cx).map(drop),
            Self::Quit(event) => event.poll_recv(cx).map(drop),
            Self::Terminate(close, shutdown) => {
                if close.poll_recv(cx).is_ready() {
                    return Poll::Ready(());
                }
                shutdown.poll_recv(cx).map(drop)
            }
            Self::Never => Poll::Pending,
        }
    }
}

/// The exit code at the fourth signal: that of the default handler.
pub(crate) const fn exit_code_at_end(_signal: Signal) -> i32 {
    CONTROL_C_EXIT as i32
}
