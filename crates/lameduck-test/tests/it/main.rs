//! The contract of the contract probes, and of the oracle.

mod laws;
#[cfg(all(feature = "app", feature = "oracle"))]
mod oracle;
