//! Signals and other triggers as the escalations of a stop: begin, cancel, force.
//!
//! A *trigger* is anything that asks a process to stop: a signal, an admin route, a future of your
//! own. Its *escalation* says how often the stop was asked for: the first trigger begins the stop,
//! the second cancels what is in flight, the third forces the stop. The mistake that this crate
//! avoids is to wait for one signal only. After a handler is installed, the signal does not end the
//! process by itself, so a second Ctrl-C does not end a stop that hangs, as users expect it to.
//!
//! # Example
//!
//! ```
//! use lameduck_signal::{Escalation, Signals};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lameduck_signal::SignalError> {
//! let mut triggers = Signals::new().install()?; // SIGTERM and SIGINT, before the socket is bound
//! let admin = triggers.handle();
//!
//! admin.trigger("admin");
//! let stop = triggers.next().await;
//! assert_eq!((stop.escalation, stop.cause.name()), (Escalation::First, "admin"));
//!
//! admin.trigger("admin");
//! assert_eq!(triggers.next().await.escalation, Escalation::Second);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! First in `main`, before the socket is bound and before anything slow: a signal before
//! [`Signals::install`] has its default action, which ends the process at once. One owner then
//! waits in a loop for [`Triggers::next`]. All others get a [`TriggerHandle`]. When a stop is
//! cancelled, call [`TriggerHandle::reset`].
//!
//! # Guarantees
//!
//! 1. Each further trigger escalates, up to the third.
//! 2. A signal between install and the first wait is kept.
//! 3. A wait that is dropped loses no trigger.
//! 4. After a cancelled stop the next trigger is the first again, however soon it comes.
//! 5. SIGHUP and SIGQUIT keep their default action unless they are asked for.
//! 6. An interrupt is interactive only if the process has a terminal.
//! 7. A signal that is sent twice within a second counts once; a different signal counts.
//! 8. A signal is received also when every thread of the runtime is blocked.
//! 9. With [`Signals::with_exit_at_fourth_signal`], a stuck process ends at the fourth signal, with
//!    the exit code 128 plus the number of the signal.
//!
//! The system keeps one bit for each pending signal, and so does tokio: two signals of one kind
//! before the first one was handled are one trigger. Different signals are never mixed up.
//!
//! # Cost
//!
//! Nothing per request. One thread that sleeps until a signal comes.
//!
//! # What it does not do
//!
//! - It does not end the process, except at the fourth signal where that is switched on. The owner
//!   decides what an escalation means.
//! - It does not remove a signal handler. tokio never does, and only unsafe code could. A signal
//!   that no triggers wait for ends the process a second later, with the exit code of its default
//!   action. SIGQUIT is not handled for that reason: Ctrl-\\ ends a process that reacts to nothing
//!   else.
//! - On Windows it cannot delay the end of the process. When a console is closed the system ends
//!   the process after 5 s, at shutdown after as long as the system grants, whatever the process
//!   does. The handler does not return until then (tokio 1.44 and later), so the process can use
//!   this time.
//!
//! # Feature flags
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod cause;
mod error;
mod escalation;
mod handle;
mod listening;
mod memory;
mod signal;
mod signals;
mod triggers;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use self::unix as os;
#[cfg(windows)]
use self::windows as os;

pub use self::{
    cause::StopCause,
    error::SignalError,
    escalation::{Escalation, StopRequest},
    handle::TriggerHandle,
    signal::Signal,
    signals::Signals,
    triggers::Triggers,
};
