//! The phases of a server that stops without losing a request, and a cheap way to read them.
//!
//! A *phase* is one value that says how far a stop has come: from [`Phase::Running`] through
//! [`Phase::LameDuck`], in which the server still serves and asks its clients to leave, to
//! [`Phase::Stopped`]. It moves only forward, except that a lame duck may go back to running. The
//! mistake that this crate avoids is a stop made of several flags (closed, draining, cancelled),
//! which two readers can see in two orders.
//!
//! # Example
//!
//! ```
//! use lameduck_core::{Phase, phase_channel};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, watch) = phase_channel();
//! sender.publish(Phase::Running);
//! assert!(watch.current().is_ready());
//!
//! sender.publish(Phase::Draining);
//! watch.reached(Phase::LameDuck).await; // already past it: completes at once
//! assert!(!watch.current().is_serving());
//! # }
//! ```
//!
//! # Where to put it
//!
//! Under everything else. The layers of lameduck take a [`PhaseWatch`] by value and do not know who
//! moves it. Your own program can move it, with [`phase_channel`] alone or with [`Machine`], which
//! knows the [`StopTimeouts`] and has no clock: time is an argument.
//!
//! # Guarantees
//!
//! 1. A phase never moves backward, except from lame duck when the stop is cancelled.
//! 2. A wait that begins before or after a move sees it: no wake-up is lost.
//! 3. Stop timeouts that do not fit the budget are an error with both sums and a proposal.
//! 4. The machine reads no clock and does no work: the same events give the same phases.
//!
//! # Cost
//!
//! [`PhaseWatch::current`] is one atomic load from a cache line that a process writes a few times
//! in its life. A wait is one entry in one of eight lists, so that many waiters do not contend for
//! one lock.
//!
//! # What it does not do
//!
//! It counts nothing, closes nothing and runs no hook. `lameduck-lifecycle` does that with it.
//!
//! # Feature flags
//!
//! - `env`: [`StopTimeouts::from_env`].
//! - `serde`: [`StopTimeouts`] in a configuration file, with durations such as `15s`.
//! - `http`: [`EitherBody`], the body of a layer that may answer instead of the handler.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod budget;
mod deadlines;
#[cfg(any(feature = "env", feature = "serde"))]
mod given;
mod machine;
mod marker;
mod phase;
#[doc(hidden)]
pub mod plumbing;
mod shared;
mod stop_timeouts;
mod watch;

#[cfg(feature = "http")]
pub use self::plumbing::either_body::EitherBody;
pub use self::{
    budget::Budget,
    deadlines::StopDeadlines,
    machine::{Event, Machine, Step, TransitionCause},
    marker::{MaybeExecuted, NotExecuted},
    phase::Phase,
    stop_timeouts::{StopTimeouts, StopTimeoutsError},
    watch::{PhaseReached, PhaseSender, PhaseWatch, phase_channel},
};
