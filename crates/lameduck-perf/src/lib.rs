//! What `cargo xtask perf` measures: our layers and tower-http's, in one binary.
//!
//! Both sides do the same work around the same handler, are driven by the same loop, and are
//! compiled together, so that what differs is the layers. See `xtask/src/perf.rs` for the method.
#![forbid(unsafe_code)]

mod cpu;
mod drive;
mod handler;
mod measure;
mod peer;
mod stack;

pub use self::{
    cpu::{now, pin_to_cpu, thread_time},
    drive::{drive, runtime},
    handler::{Handler, HandlerFuture, Reply, Work},
    measure::{Cost, nanoseconds},
    peer::{
        Gate, LIMIT, RequestId, SameJobs, TrackerGate, TrackerGateFuture, TrackerGateLayer,
        Typical, gate, request_id, same_jobs, timeout, typical,
    },
    stack::{Driver, Stack, serving_duck},
};
