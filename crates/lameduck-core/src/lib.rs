//! The phases of a server that stops without losing a request, and a cheap way to read them.
//!
//! A *phase* is one word that says how far a stop has come: from [`Phase::Running`] over
//! [`Phase::LameDuck`], in which the server still answers but asks its clients to go elsewhere, to
//! [`Phase::Stopped`]. It moves only forward; one move may be taken back. The mistake this crate
//! exists to avoid is a stop made of several flags (closed, draining, cancelled), which two
//! observers can read in two orders.
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
//! Under everything else. The layers of lameduck take a [`PhaseWatch`] by value and never learn
//! who moves it. A program of your own can move it, with [`phase_channel`] alone or with
//! [`Machine`], which knows the windows but has no clock: time is an argument.
//!
//! # Guarantees
//!
//! 1. A phase never moves backward, but for lame duck, which may be undone.
//! 2. A wait that starts before or after the move sees it: no wake-up is lost.
//! 3. Timeouts that do not fit their budget are refused with both sums and a proposal.
//! 4. The machine reads no clock and does no work: the same events give the same phases.
//!
//! # Cost
//!
//! [`PhaseWatch::current`] is one atomic load on a cache line that is written a handful of times
//! in the life of a process. A wait costs one entry in one of eight lists, so that many waiters
//! do not queue for one lock.
//!
//! # What it does not do
//!
//! It counts nothing, closes nothing and runs no hook; `lameduck-lifecycle` does that with it.
//!
//! # Feature flags
//!
//! - `http`: [`EitherBody`], the body of a layer that may answer instead of the handler.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod budget;
mod machine;
mod marker;
mod phase;
#[doc(hidden)]
pub mod plumbing;
mod watch;
mod windows;

#[cfg(feature = "http")]
pub use self::plumbing::either_body::EitherBody;
pub use self::{
    budget::Budget,
    machine::{Event, Machine, Step, TransitionCause},
    marker::{MaybeExecuted, NotExecuted},
    phase::Phase,
    watch::{PhaseReached, PhaseSender, PhaseWatch, phase_channel},
    windows::{StopTimeouts, StopTimeoutsError},
};
