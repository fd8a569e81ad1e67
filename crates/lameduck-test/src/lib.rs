//! Contract probes that every tower layer should pass, and a client that counts lost requests.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod laws;
mod probe;

pub use self::probe::{
    BodyStep, End, Local, Plain, Probe, ProbeBody, ProbeError, ProbeFuture, ReadyStep, Record,
    Script,
};
