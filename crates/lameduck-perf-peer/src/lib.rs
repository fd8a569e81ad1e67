//! What `cargo xtask perf` compares with: tower-http's layers, as a program has them that uses
//! nothing of ours.
//!
//! A crate of its own, because cargo builds a crate once with the features that all its users ask
//! for: with `lameduck` in the same binary, tower-http's request ids come from the faster generator
//! that `lameduck-context` turns on. So the servers that are compared are built apart.
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
