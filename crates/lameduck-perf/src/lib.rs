//! What `cargo xtask perf` measures: our layers and tower-http's, in one binary.
//!
//! Both sides do the same work around the same handler, are driven by the same loop, and are
//! compiled together, so that only the layers differ. See `xtask/src/perf/mod.rs` for the method.
#![forbid(unsafe_code)]

mod drive;
mod handler;
mod measure;
mod stack;

pub use lameduck_perf_peer::{LIMIT, app, now, pin_to_cpu, runtime, serve, thread_time};

pub use self::{
    drive::drive,
    handler::{Handler, HandlerFuture, Reply, Work},
    measure::{Cost, nanoseconds},
    stack::{Driver, Stack, serving_duck},
};
