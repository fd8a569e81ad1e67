//! One connection: what its bytes tell, what it was ordered, and how it ends.

mod close_header;
mod coalesce;
mod connect;
pub(crate) mod hold;
mod last_answer;
mod mark;
mod protocol;
mod state;
mod waker_id;

#[cfg(feature = "serve")]
pub(crate) use self::close_header::has_close;
pub(crate) use self::{
    close_header::says_close,
    coalesce::poll_write,
    connect::AsksTunnel,
    hold::{Look, later},
    last_answer::Farewell,
    mark::Mark,
    protocol::Sniff,
    state::{Conn, Order, Side},
    waker_id::WakerId,
};
