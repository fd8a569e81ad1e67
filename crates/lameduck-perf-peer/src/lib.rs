//! What `cargo xtask perf` compares with: tower-http's layers, as those have them who use nothing
//! of ours.
//!
//! A crate of its own, because cargo builds a crate once with the features of all who use it: with
//! `lameduck` in the same binary, tower-http's request ids come from the faster generator that
//! `lameduck-context` turns on. So servers are compared that are built apart.
#![forbid(unsafe_code)]

mod cpu;
mod peer;
mod server;

pub use self::{
    cpu::{now, pin_to_cpu, thread_time},
    peer::{
        Gate, LIMIT, RequestId, SameJobs, TrackerGate, TrackerGateFuture, TrackerGateLayer,
        Typical, gate, request_id, same_jobs, timeout, typical,
    },
    server::{app, runtime, serve},
};
