//! The macro that turns the laws into tests.

/// Makes a module of tests, one for each layer law, for one way to build a layer.
///
/// The closure takes a [`Probe`](crate::Probe) by value and returns the layered service. It is
/// called at least once for each law. The module is named `layer_laws`. To test a layer in two
/// states, name the second module.
///
/// ```
/// lameduck_laws::layer_laws!(|inner| inner); // the layer that does nothing
/// lameduck_laws::layer_laws!(once_more: |inner| inner);
/// # fn main() {}
/// ```
///
/// If the layer listens to a signal or holds something for a request, the closure calls
/// [`Probe::on_signal`](crate::Probe::on_signal) and [`Probe::on_held`](crate::Probe::on_held)
/// first. Otherwise the laws cannot test that.
///
/// A layer that requires its inner service to be `Send` does not compile here. That is law 6.
#[macro_export]
macro_rules! layer_laws {
    (|$inner:ident| $layered:expr $(,)?) => {
        $crate::layer_laws!(layer_laws: |$inner| $layered);
    };
    ($name:ident: |$inner:ident| $layered:expr $(,)?) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may need no import")]
            use super::*;

            $crate::__layer_law_tests! {
                |$inner| $layered =>
                polls_the_inner_work_before_any_timer_or_signal
                polls_the_inner_body_before_any_timer_or_signal
                starts_no_timer_for_a_request_that_is_ready_at_once
                what_wakes_the_inner_work_wakes_the_caller
                changes_not_the_error
                changes_not_poll_ready
                never_clones_the_inner_service
                never_boxes_the_inner_future_or_body
                never_spawns
                never_logs_above_debug
                forwards_size_hint
                forwards_is_end_stream
                forwards_data_and_trailers
                dropping_the_future_at_any_point_releases_what_it_held
                dropping_the_body_at_any_point_releases_what_it_held
                is_send_sync_and_unpin_as_the_inner_is
                takes_an_inner_service_that_is_not_send
                a_panic_inside_leaks_nothing
            }
        }
    };
}

/// One `#[test]` for each name.
#[doc(hidden)]
#[macro_export]
macro_rules! __layer_law_tests {
    (|$inner:ident| $layered:expr =>) => {};
    (|$inner:ident| $layered:expr => $law:ident $($rest:ident)*) => {
        #[test]
        fn $law() {
            $crate::__layer_law!($law, |$inner| $layered);
        }
        $crate::__layer_law_tests!(|$inner| $layered => $($rest)*);
    };
}

/// One law, as an expression that panics when it is broken.
#[doc(hidden)]
#[macro_export]
macro_rules! __layer_law {
    (is_send_sync_and_unpin_as_the_inner_is, |$inner:ident| $layered:expr) => {{
        #[allow(unused_imports, reason = "used only by types without the auto trait")]
        use $crate::laws::auto_traits::{IsNotSend as _, IsNotSync as _, IsNotUnpin as _};
        let make = |$inner: $crate::Probe| $layered;
        let (service, future, body) = $crate::laws::auto_traits::types_of(&make);
        $crate::laws::auto_traits::check(&[
            ("the service is not Send", service.is_send()),
            ("the service is not Sync", service.is_sync()),
            ("the service is not Unpin", service.is_unpin()),
            ("the future is not Send", future.is_send()),
            ("the future is not Sync", future.is_sync()),
            ("the future is not Unpin", future.is_unpin()),
            ("the body is not Send", body.is_send()),
            ("the body is not Sync", body.is_sync()),
            ("the body is not Unpin", body.is_unpin()),
        ]);
    }};
    (takes_an_inner_service_that_is_not_send, |$inner:ident| $layered:expr) => {
        $crate::laws::takes_an_inner_service_that_is_not_send(
            |$inner: $crate::Probe<$crate::Local>| $layered,
        )
    };
    ($law:ident, |$inner:ident| $layered:expr) => {
        $crate::laws::$law(|$inner: $crate::Probe| $layered)
    };
}
