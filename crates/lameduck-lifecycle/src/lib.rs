//! Drives a server from its start hooks to its exit code: phases, hooks, log events, report.
//!
//! A *lifecycle* owns the phase of a process and nothing else. Layers and listeners watch the phase
//! and do their part by themselves. The lifecycle waits for what they count, runs the hooks, keeps
//! the stop timeouts and records what happens. The mistake that this crate avoids is a stop spread
//! over a `select!` in `main`, a sleep in a hook and a timeout in a manifest, whose sum is not
//! known before a deployment fails.
//!
//! # Example
//!
//! ```
//! use lameduck_lifecycle::{Lifecycle, Outcome};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let lifecycle = Lifecycle::new()
//!     .on_start("database", async || Ok::<(), std::io::Error>(()))
//!     .on_stop("database", async || {});
//! let stop = lifecycle.stop_handle();
//! let running = lifecycle.spawn();
//!
//! stop.stop("admin", true);
//! let report = running.finished().await;
//! assert_eq!(report.outcome(), Outcome::Clean);
//! # }
//! ```
//!
//! # Where to put it
//!
//! In `main`, before the listener is bound, so that a stop during the start is seen as well. Give
//! [`Lifecycle::watch`] to the layers and the listener, and describe with [`Work`] what a stop
//! waits for.
//!
//! # Guarantees
//!
//! 1. Start hooks run in order. One that fails stops the start, and the stop hooks of what had
//!    started run.
//! 2. Stop hooks run in reverse order, each within its own timeout and all within theirs.
//! 3. A hook that panics or hangs costs only itself.
//! 4. Every phase ends at its event or at its timeout, whichever is first.
//! 5. The numbers of the report add up: accepted = finished + rejected + aborted.
//! 6. A stop logs exactly one `shutdown.initiated` and one `shutdown.completed`.
//!
//! # Cost
//!
//! One task that sleeps until a stop begins. It does nothing per request.
//!
//! # What it does not do
//!
//! It installs no signal handler (`lameduck-signal` does), counts nothing (`lameduck-inflight`
//! does), and opens or closes no socket (`lameduck-server` does). It cannot end a hook or a handler
//! that blocks its thread. [`Report`] says what then ends the process.
//!
//! # Feature flags
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod driver;
mod error;
mod exit_code;
mod hook;
mod journal;
mod lifecycle;
mod lifecycle_handle;
mod record;
mod report;
mod start;
mod stop_handle;
mod stop_hooks;
mod tally;
mod watchdog;
mod work;

pub use lameduck_core::{Budget, Phase, PhaseWatch, StopTimeouts, TransitionCause};

pub use self::{
    error::LifecycleError,
    hook::HookResult,
    lifecycle::Lifecycle,
    lifecycle_handle::LifecycleHandle,
    report::{HookOutcome, HookTime, Outcome, PhaseTime, Report},
    stop_handle::{StopHandle, TooLateToCancel},
    tally::Tally,
    work::{SourceClosed, Work},
};
