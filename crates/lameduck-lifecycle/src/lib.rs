//! Drives a server from its start hooks to its last byte: windows, hooks, log events, report, exit code.
//!
//! A *lifecycle* owns the phase of a process and nothing else. Layers and listeners watch the
//! phase and do their part by themselves; the lifecycle waits for what they count, runs the hooks,
//! keeps the windows and writes down what happened. The mistake this crate exists to avoid is a
//! stop spread over a `select!` in `main`, a sleep in a hook and a timeout in a manifest, which
//! nobody adds up until a deploy does.
//!
//! # Example
//!
//! ```
//! use lameduck_core::StopTimeouts;
//! use lameduck_lifecycle::{Lifecycle, Outcome};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let lifecycle = Lifecycle::new(StopTimeouts::new())
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
//! In `main`, before the listener is bound: a stop that comes during the start is then heard too.
//! Hand [`Lifecycle::watch`] to the layers and the listener, and describe to it with [`Work`] what
//! must have ended before the process may.
//!
//! # Guarantees
//!
//! 1. Start hooks run in order; one that fails stops the start, and what had started is stopped.
//! 2. Stop hooks run in reverse order, each within its own timeout and all within their window.
//! 3. A hook that panics or hangs costs only itself.
//! 4. Every phase ends at its event, or at the end of its window, whichever is first.
//! 5. The report's numbers add up: accepted = finished + rejected + aborted.
//! 6. A stop logs exactly one `shutdown.initiated` and one `shutdown.completed`.
//!
//! # Cost
//!
//! One task that sleeps until somebody asks for a stop. Nothing is done per request.
//!
//! # What it does not do
//!
//! It installs no signal handler (`lameduck-signal` does), counts nothing (`lameduck-inflight`),
//! and opens or closes no socket (`lameduck-server`). It cannot end a hook or a handler that
//! blocks its thread; see [`Report`] for what then ends the process.
//!
//! # Feature flags
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod driver;
mod error;
mod exit;
mod handle;
mod hook;
mod journal;
mod lifecycle;
mod record;
mod report;
mod running;
mod start;
mod stop_hooks;
mod tally;
mod work;

pub use self::{
    error::LifecycleError,
    handle::{StopHandle, TooLateToCancel},
    hook::HookResult,
    lifecycle::Lifecycle,
    report::{HookOutcome, HookTime, Outcome, PhaseTime, Report},
    running::LifecycleHandle,
    tally::Tally,
    work::{Closed, Work},
};
