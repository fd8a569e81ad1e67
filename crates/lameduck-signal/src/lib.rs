//! Turns signals and other triggers into the stages of a stop: ask once, ask again, insist.
//!
//! A *trigger* is anything that asks a process to stop: a signal, an admin route, a future of your
//! own. The *stage* says how often it was asked: the first trigger begins the stop, the second one
//! hurries it, the third one forces it. The mistake this crate exists to avoid is to wait for one
//! signal only. Once a handler is installed, the signal no longer ends the process by itself, so a
//! stop that hangs cannot be ended with a second Ctrl-C, as everybody expects it to be.
//!
//! # Example
//!
//! ```
//! use lameduck_signal::{Signals, Escalation};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lameduck_signal::SignalError> {
//! let mut triggers = Signals::new().install()?; // SIGTERM and SIGINT, before the socket is bound
//! let admin = triggers.handle();
//!
//! admin.trigger("admin");
//! let stop = triggers.next().await;
//! assert_eq!((stop.stage, stop.cause.name()), (Escalation::First, "admin"));
//!
//! admin.trigger("admin");
//! assert_eq!(triggers.next().await.stage, Escalation::Second);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! First in `main`, before the socket is bound and before anything slow: a signal that comes
//! earlier than [`Signals::install`] has its default action, which ends the process at once. One
//! owner then waits in a loop for [`Triggers::next`]; everybody else gets a [`TriggerHandle`].
//!
//! # Guarantees
//!
//! 1. Each further trigger raises the stage, up to the third, where it stays.
//! 2. A signal that comes between install and the first wait is kept.
//! 3. A wait that is dropped loses no trigger.
//! 4. A stop that was called off begins again at the first stage.
//! 5. SIGHUP and SIGQUIT keep their default action unless they are asked for.
//! 6. An interrupt is interactive only if the process has a terminal.
//! 7. With the last resort, a stuck process ends at the fourth signal, with the code 128 + number.
//!
//! Two deliveries of the same signal that come before the first one was looked at are one trigger:
//! the system keeps one bit for each pending signal, and so does tokio. Different signals are
//! always told apart.
//!
//! # Cost
//!
//! Nothing per request. One wait looks at each signal once. The last resort, off by default, is
//! one thread that sleeps.
//!
//! # What it does not do
//!
//! - It does not end the process, but for the last resort. What a stage means is up to its owner.
//! - It does not give a signal its default action back. tokio never takes a handler down, not even
//!   when [`Triggers`] are dropped, and only unsafe code could. A caught signal stays caught.
//!   SIGQUIT is left alone for that reason: Ctrl-\\ ends a process that hears nothing else.
//!   [`Signals::with_last_resort`] brings the same for SIGTERM and SIGINT.
//! - On Windows it cannot buy time. When a console is closed the system ends the process after
//!   5 s, at shutdown after as long as the system grants, whatever the process does. The handler
//!   does not return until then (tokio 1.44 and later), so those seconds can be used.
//!
//! # Feature flags
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod cause;
mod error;
mod handle;
mod last_resort;
#[cfg(unix)]
#[path = "unix.rs"]
mod os;
#[cfg(windows)]
#[path = "windows.rs"]
mod os;
mod signal;
mod signals;
mod stage;
mod triggers;

pub use self::{
    cause::StopCause,
    error::SignalError,
    handle::TriggerHandle,
    signal::Signal,
    signals::Signals,
    stage::{Escalation, StopRequest},
    triggers::Triggers,
};
