//! The contract of the oracle and of the drill.

#[cfg(all(feature = "app", feature = "drill", unix))]
mod drill;
#[cfg(all(feature = "app", feature = "oracle"))]
mod oracle;
#[cfg(all(feature = "rtt", target_os = "linux"))]
mod rtt;
