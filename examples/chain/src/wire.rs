//! The messages of the database, and the code that `build.rs` generates for its service.
#![allow(missing_docs, unreachable_pub, clippy::exhaustive_structs, reason = "a wire format")]

/// A query that takes so long.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Question {
    #[prost(uint64, tag = "1")]
    pub takes_ms: u64,
}

/// The answer to a query.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Rows {
    #[prost(uint64, tag = "1")]
    pub count: u64,
}

pub use self::made::*;

#[allow(warnings, clippy::all, clippy::pedantic, reason = "made by tonic-build")]
mod made {
    include!(concat!(env!("OUT_DIR"), "/chain.Database.rs"));
}
