//! Tests that every tower layer should pass: it polls, forwards and releases as its callers expect.
//!
//! A *law* is a promise that every layer makes to the layers around it, whether its author knows it
//! or not: to poll the inner service first, to forward the end of a body, to release what it holds
//! when it is dropped. The mistake that this crate avoids is to test a layer only for what it adds.
//! A layer that breaks a law works alone, and fails in a stack. A `size_hint` that is lost turns
//! `Content-Length` into chunks. A count that a dropped future leaves behind never reaches zero.
//!
//! # Example
//!
//! One line makes eighteen tests, each named after its law:
//!
//! ```
//! # struct MyLayer;
//! # impl MyLayer { fn new() -> Self { Self } fn layer<S>(&self, inner: S) -> S { inner } }
//! // tests/it/laws.rs
//! lameduck_laws::layer_laws!(|inner| MyLayer::new().layer(inner));
//! # fn main() { let _ = MyLayer::new().layer(0); }
//! ```
//!
//! A layer that listens to a signal, or that holds something for a request, says how to fire the
//! one and how to read the other. The laws then check that the inner work still comes first, and
//! that nothing is held afterwards:
//!
//! ```
//! # use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
//! # #[derive(Clone, Default)] struct Count(Arc<AtomicUsize>);
//! # impl Count { fn get(&self) -> usize { self.0.load(Ordering::SeqCst) } }
//! # struct CountLayer; impl CountLayer {
//! #     fn new(_: Count) -> Self { Self } fn layer<S>(&self, inner: S) -> S { inner } }
//! lameduck_laws::layer_laws!(|inner| {
//!     let count = Count::default();
//!     let read = count.clone();
//!     inner.on_held(move || read.get());
//!     CountLayer::new(count).layer(inner)
//! });
//! # fn main() { let _ = (Count::default().get(), CountLayer::new(Count::default()).layer(0)); }
//! ```
//!
//! # Where to put it
//!
//! Under `[dev-dependencies]` of a crate that has a layer. Call the macro once for each state in
//! which the layer behaves differently, and name each: `layer_laws!(draining: |inner| ..)`.
//!
//! # Guarantees
//!
//! Each law fails for a layer that breaks it, which a broken layer in this crate's tests shows:
//!
//! 1. The layer polls the inner work before any timer or signal, starts no timer for a request that
//!    is ready at once, and what wakes the inner work wakes the caller.
//! 2. It changes neither the error nor `poll_ready`.
//! 3. It never clones the inner service, boxes the inner future or body, spawns, or logs above
//!    debug for a request.
//! 4. Its body forwards the size hint, `is_end_stream`, data, trailers and errors.
//! 5. Dropping its future or its body at any point releases what it held.
//! 6. It is `Send`, `Sync` and `Unpin` as the inner service is, and takes one that is not `Send`.
//! 7. A panic inside leaks nothing, and the next request is served.
//!
//! # Cost
//!
//! It is only for tests. All laws of one layer take about 0.1 s. The crate turns on tokio's
//! `test-util`, because the laws need a clock that can be paused.
//!
//! # What it does not do
//!
//! - It cannot see whether a layer reads the environment or starts a thread for each request. Law 3
//!   forbids both.
//! - It finds a box by the size of the future that should hold the inner one. A layer may box what
//!   is its own. To count allocations, there is [`CountingAllocator`].
//! - It does not test what a layer adds: that is your part.
//!
//! # Feature flags
//!
//! None.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![deny(unsafe_code)] // Not forbidden: only the allocator needs it.

mod allocator;
#[doc(hidden)]
pub mod laws;
mod probe;

pub use self::{
    allocator::CountingAllocator,
    probe::{
        BodyStep, End, Local, Plain, Probe, ProbeBody, ProbeError, ProbeFuture, ReadyStep, Record,
        Script,
    },
};
