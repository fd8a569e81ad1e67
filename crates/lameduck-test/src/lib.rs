//! Contract probes that every tower layer should pass, and a client that counts lost requests.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

#[cfg(feature = "app")]
mod app;
#[cfg(any(feature = "app", feature = "oracle"))]
pub mod contract;
#[doc(hidden)]
pub mod laws;
mod probe;

#[cfg(feature = "app")]
pub use self::app::app;
pub use self::probe::{
    BodyStep, End, Local, Plain, Probe, ProbeBody, ProbeError, ProbeFuture, ReadyStep, Record,
    Script,
};
