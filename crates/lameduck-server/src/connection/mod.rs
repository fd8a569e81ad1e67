//! One connection: what its bytes show, what it was ordered to do, and how it ends.

mod coalesce;
mod hold;
mod last_answer;
mod mark;
pub(crate) mod protocol;
mod state;
mod waker_id;

pub(crate) use self::{
    coalesce::poll_write,
    hold::{Look, hold_until, later},
    last_answer::Close,
    mark::Mark,
    state::{Conn, Order, Side},
    waker_id::WakerId,
};
