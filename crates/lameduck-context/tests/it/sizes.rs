//! How much memory a request costs, beside its own.

use std::mem::size_of;

use bytes::Bytes;
use http_body_util::Full;
use lameduck_context::{
    ContextBody, ContextFuture, ContextLayer, ContextService, TimeoutFuture, TimeoutService,
};

type Handler = [u64; 16];
type Inner = Full<Bytes>;

#[test]
fn a_context_adds_two_words_to_the_future_of_a_request() {
    assert_eq!(size_of::<ContextFuture<Handler>>(), size_of::<Option<Handler>>() + 16);
}

#[test]
fn a_context_adds_three_words_to_the_body_of_a_response() {
    assert_eq!(size_of::<ContextBody<Inner>>(), size_of::<Inner>() + 24);
}

#[test]
fn a_timeout_adds_four_words_to_the_future_of_a_request() {
    assert_eq!(size_of::<TimeoutFuture<Handler>>(), size_of::<Option<Handler>>() + 32);
}

#[test]
fn a_service_is_two_words_and_a_timeout_is_a_duration() {
    assert_eq!(size_of::<ContextLayer>(), 16);
    assert_eq!(size_of::<ContextService<()>>(), 16);
    assert_eq!(size_of::<TimeoutService<()>>(), 16);
}
