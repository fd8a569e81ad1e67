//! The contract of the contract probes.

mod laws;
