//! WebSockets that say goodbye when their server drains.

mod goodbye;
mod message;
mod reason;
mod socket;

pub use self::{
    message::CloseMessage,
    reason::{CloseReason, InvalidCloseReason},
    socket::{CloseOnDrain, close_on_drain},
};
