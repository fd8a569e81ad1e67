//! Tests that every tower layer should pass: it polls, forwards and releases as its callers expect.
//!
//! All laws, as tests of a layer of your own:
//!
//! ```
//! # struct MyLayer;
//! # impl MyLayer { fn layer<S>(&self, inner: S) -> S { inner } }
//! // tests/it/laws.rs
//! lameduck_laws::layer_laws!(|inner| MyLayer.layer(inner));
//! # fn main() { let _ = MyLayer.layer(0); }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![deny(unsafe_code)] // Not forbidden: an allocator that counts is one.

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
