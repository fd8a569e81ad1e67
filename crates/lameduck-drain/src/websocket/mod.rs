//! WebSockets that send a close frame when their server drains.

mod closing;
mod message;
mod options;
mod reason;
mod socket;

pub use self::{
    message::CloseMessage,
    options::CloseOptions,
    reason::{CloseReason, InvalidCloseReason},
    socket::{CloseOnDrain, close_on_drain},
};
