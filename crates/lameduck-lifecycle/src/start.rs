//! The start: hooks in order, up to the first that fails.

use std::collections::VecDeque;

use futures_util::FutureExt;
use lameduck_core::Phase;
use tokio::sync::mpsc;

use crate::{
    HookOutcome, StopHandle,
    hook::Hook,
    stop_handle::{Command, StopCommand},
};

/// How the start ended.
pub(crate) enum Start {
    /// Every hook has succeeded.
    Ready,
    /// A stop was asked for during the start.
    Stopped(StopCommand),
    /// A hook did not succeed.
    Failed { error: String },
}

/// Runs the start hooks in order. Also returns the names of those that did not succeed.
pub(crate) async fn run_start_hooks(
    hooks: Vec<Hook>,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    handle: &StopHandle,
) -> (Start, VecDeque<String>) {
    let mut not_done: VecDeque<String> = hooks.iter().map(|hook| hook.name.clone()).collect();
    for hook in hooks {
        let ended = tokio::select! {
            biased;
            command = next_stop(commands, handle) => return (Start::Stopped(command), not_done),
            ended = hook.run(None) => ended,
        };
        if ended.outcome != HookOutcome::Done {
            let error = format!("start hook `{}` {}", ended.name, ended.outcome);
            return (Start::Failed { error }, not_done);
        }
        not_done.pop_front();
    }
    // A stop that was asked for before the server served needs no lame duck.
    match next_stop(commands, handle).now_or_never() {
        Some(command) => (Start::Stopped(command), not_done),
        None => (Start::Ready, not_done),
    }
}

/// Waits until a stop is asked for. Before that, there is nothing to escalate or to cancel.
async fn next_stop(
    commands: &mut mpsc::UnboundedReceiver<Command>,
    handle: &StopHandle,
) -> StopCommand {
    loop {
        match commands.recv().await {
            Some(Command::Stop(command)) => {
                handle.watchdog.answered();
                return command;
            }
            Some(Command::CancelStop { done }) => {
                let _ = done.send(Phase::Starting);
            }
            Some(Command::Escalate) => {}
            // The lifecycle keeps a sender itself, so the channel is never closed.
            None => std::future::pending().await,
        }
    }
}
