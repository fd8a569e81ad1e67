//! What the oracle counts, and what a drill reports.

#[cfg(all(feature = "cli", unix))]
mod cli;
#[cfg(all(feature = "drill", unix))]
mod drill;
#[cfg(feature = "app")]
mod oracle;
