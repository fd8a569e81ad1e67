//! Laws 3 and 4, each with a layer that breaks it.

use lameduck_laws::{__layer_law, ProbeError};
use tower_service::Service;

use super::{
    broken::broken,
    broken_body::{Fault, bad_body},
    check_fails,
};

#[test]
fn a_layer_that_clones_is_found() {
    check_fails("layer law 3: never clones the inner service: 2 clones", || {
        __layer_law!(never_clones_the_inner_service, |inner| {
            broken(inner, |inner, request| inner.clone().call(request))
        });
    });
}

#[test]
fn a_layer_that_boxes_is_found() {
    check_fails("layer law 3: never boxes: the inner future", || {
        __layer_law!(never_boxes_the_inner_future_or_body, |inner| {
            broken(inner, |inner, request| Box::pin(inner.call(request)))
        });
    });
    check_fails("layer law 3: never boxes: the inner body", || {
        __layer_law!(never_boxes_the_inner_future_or_body, |inner| {
            broken(inner, |inner, request| {
                let work = inner.call(request);
                async move { Ok::<_, ProbeError>(work.await?.map(Box::pin)) }
            })
        });
    });
}

#[test]
fn a_layer_that_spawns_is_found() {
    check_fails("layer law 3: never spawns: there are other tasks after `call`", || {
        __layer_law!(never_spawns, |inner| {
            broken(inner, |inner, request| {
                #[expect(clippy::disallowed_methods, reason = "what the law is to find")]
                drop(tokio::spawn(std::future::pending::<()>()));
                inner.call(request)
            })
        });
    });
}

#[test]
fn a_layer_that_logs_above_debug_is_found() {
    check_fails("INFO it::laws::quiet message=a request", || {
        __layer_law!(never_logs_above_debug, |inner| {
            broken(inner, |inner, request| {
                tracing::info!("a request");
                inner.call(request)
            })
        });
    });
}

#[test]
fn a_layer_that_logs_at_debug_is_within_the_law() {
    __layer_law!(never_logs_above_debug, |inner| {
        broken(inner, |inner, request| {
            tracing::debug!("a request");
            inner.call(request)
        })
    });
}

#[test]
fn a_body_that_does_not_forward_is_found() {
    check_fails("layer law 4: forwards the size hint", || {
        __layer_law!(forwards_size_hint, |inner| bad_body(inner, Fault::HidesSize));
    });
    check_fails("layer law 4: forwards `is_end_stream`", || {
        __layer_law!(forwards_is_end_stream, |inner| bad_body(inner, Fault::HidesEnd));
    });
    check_fails("layer law 4: forwards data and trailers: the trailers", || {
        __layer_law!(forwards_data_and_trailers, |inner| bad_body(inner, Fault::DropsTrailers));
    });
    check_fails("layer law 4: forwards data and trailers: the data", || {
        __layer_law!(forwards_data_and_trailers, |inner| bad_body(inner, Fault::ChangesData));
    });
    check_fails("layer law 4: forwards data and trailers: the error", || {
        __layer_law!(forwards_data_and_trailers, |inner| bad_body(inner, Fault::SwallowsError));
    });
}
