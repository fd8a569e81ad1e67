//! The messages of the service, and what `build.rs` makes of it.
#![allow(missing_docs, unreachable_pub, clippy::exhaustive_structs, reason = "a wire format")]

/// `Greet` is asked this,
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Name {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// and answers this.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Greeting {
    #[prost(string, tag = "1")]
    pub text: String,
}

/// `Tick` is asked this,
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Start {
    #[prost(uint64, tag = "1")]
    pub first: u64,
}

/// and answers a stream of these.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Tick {
    #[prost(uint64, tag = "1")]
    pub number: u64,
}

pub use self::made::*;

#[allow(warnings, clippy::all, clippy::pedantic, reason = "made by tonic-build")]
mod made {
    include!(concat!(env!("OUT_DIR"), "/duck.Pond.rs"));
}
