//! The laws, each a function that panics with the law's sentence when a layer breaks it.
//!
//! The functions are what [`layer_laws!`](crate::layer_laws) calls; the macro is the interface.

pub mod auto_traits;
mod body;
mod drive;
mod macros;
mod quiet;
mod ready;
mod release;
mod work;

use std::fmt;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

pub use self::{
    body::{forwards_data_and_trailers, forwards_is_end_stream, forwards_size_hint},
    quiet::{
        never_boxes_the_inner_future_or_body, never_clones_the_inner_service,
        never_logs_above_debug, never_spawns,
    },
    ready::{changes_not_poll_ready, changes_not_the_error},
    release::{
        a_panic_inside_leaks_nothing, dropping_the_body_at_any_point_releases_what_it_held,
        dropping_the_future_at_any_point_releases_what_it_held,
        takes_an_inner_service_that_is_not_send,
    },
    work::{
        polls_the_inner_body_before_any_timer_or_signal,
        polls_the_inner_work_before_any_timer_or_signal,
        starts_no_timer_for_a_request_that_is_ready_at_once,
        what_wakes_the_inner_work_wakes_the_caller,
    },
};
use crate::{Plain, ProbeBody};

/// A probe in a layer: the service that every law tests.
pub trait Layered<K = Plain>:
    Service<
        Request<ProbeBody<K>>,
        Response = Response<<Self as Layered<K>>::Body>,
        Error: fmt::Debug + 'static,
    >
{
    /// The layer's response body.
    type Body: Body<Data = Bytes, Error: fmt::Debug>;
}

impl<K, S, B> Layered<K> for S
where
    S: Service<Request<ProbeBody<K>>, Response = Response<B>, Error: fmt::Debug + 'static>,
    B: Body<Data = Bytes, Error: fmt::Debug>,
{
    type Body = B;
}
