//! What the crates of lameduck share. Not for other crates: it changes without notice.

mod accessors;
#[cfg(feature = "http")]
mod answer;
#[cfg(feature = "http")]
mod body_length;
#[cfg(feature = "http")]
pub(crate) mod either_body;
mod far_future;
#[cfg(feature = "http")]
mod json;
mod kept;
pub mod outbox;
mod recycled;
mod wait;

#[cfg(feature = "http")]
pub use self::{
    answer::{Answer, is_grpc},
    body_length::{BodyRule, BytesOwed},
    json::JsonValue,
};
pub use self::{
    far_future::later,
    kept::{Allowance, Kept, LayerConfig},
    recycled::{Pool, Recycled},
    wait::wait_until,
};
#[doc(inline)]
pub use crate::{__inner_accessors as inner_accessors, __log_later as log_later};
