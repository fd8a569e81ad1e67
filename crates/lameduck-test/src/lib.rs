//! Contract probes that every tower layer should pass, and a client that counts lost requests.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![deny(unsafe_code)] // Not forbidden: an allocator that counts is one.

mod allocator;
#[cfg(feature = "app")]
mod app;
#[cfg(any(feature = "app", feature = "oracle"))]
pub mod contract;
#[cfg(all(feature = "drill", unix))]
pub mod drill;
#[doc(hidden)]
pub mod laws;
#[cfg(feature = "oracle")]
mod oracle;
mod probe;

pub use self::allocator::CountingAllocator;
#[cfg(feature = "app")]
pub use self::app::app;
#[cfg(feature = "oracle")]
pub use self::oracle::{
    Counts, Held, HeldWebSocket, Kind, Loss, LossReason, Oracle, Outcome, Running, Snapshot,
    Verdict, burst_in_accept_queue, finish_all, half_body, half_head, idle_connection,
    open_web_socket, sent_request, silent_connection, silent_http2_peer, unread_download,
};
pub use self::probe::{
    BodyStep, End, Local, Plain, Probe, ProbeBody, ProbeError, ProbeFuture, ReadyStep, Record,
    Script,
};
