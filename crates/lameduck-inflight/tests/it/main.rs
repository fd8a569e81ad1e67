//! What the count promises, one sentence for each test.
#![cfg(not(loom))]

mod body;
mod count;
mod laws;
mod ledger;
mod lines;
mod request;
mod server;
mod shown;
mod stress;
mod support;
