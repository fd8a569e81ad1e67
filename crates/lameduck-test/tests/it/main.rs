//! The contract of the contract probes, and of the oracle.

#[cfg(all(feature = "app", feature = "drill", unix))]
mod drill;
mod laws;
#[cfg(all(feature = "app", feature = "oracle"))]
mod oracle;
#[cfg(all(feature = "rtt", target_os = "linux"))]
mod rtt;
