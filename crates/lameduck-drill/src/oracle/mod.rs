//! The client that counts lost requests.

mod check;
mod clients;
mod counts;
mod held;
mod http1;
mod http2;
mod kind;
mod ledger;
mod outcome;
mod plan;
mod random;
mod running;
mod websocket;

pub use self::{
    counts::{Counts, Snapshot, Verdict},
    held::{
        Held, HeldWebSocket, burst_in_accept_queue, finish_all, half_body, half_head,
        idle_connection, open_web_socket, sent_request, silent_connection, silent_http2_peer,
        unread_download,
    },
    kind::Kind,
    outcome::{Loss, LossReason, Outcome},
    running::{Oracle, Running},
};
