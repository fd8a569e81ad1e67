//! What holds for every header value.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use lameduck_context::{DeadlineSource, TraceContext};
use proptest::prelude::*;

const NAME: HeaderName = HeaderName::from_static("x-time");

fn sources() -> [DeadlineSource; 4] {
    [
        DeadlineSource::grpc(),
        DeadlineSource::envoy(),
        DeadlineSource::millis(NAME),
        DeadlineSource::seconds(NAME),
    ]
}

fn read(source: &DeadlineSource, value: HeaderValue) -> Option<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(source.name(), value);
    source.read(&headers)?.ok()
}

/// Any value that a header may have.
fn any_value() -> impl Strategy<Value = HeaderValue> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        "[0-9a-zA-Z.,;=@+ -]{0,80}".prop_map(String::into_bytes),
        "[0-9]{0,24}[HMSmun.]?[0-9]{0,12}".prop_map(String::into_bytes),
    ];
    bytes.prop_filter_map("no header value", |bytes| HeaderValue::from_bytes(&bytes).ok())
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        any::<u64>().prop_map(Duration::from_nanos),
        (0..100_000_u64).prop_map(Duration::from_micros),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
}

proptest! {
    #[test]
    fn a_written_duration_is_read_as_no_more_and_hardly_less(left in any_duration()) {
        let grain = [left / 100_000 + Duration::from_nanos(1)].into_iter()
            .chain([Duration::from_millis(1); 3]);
        for (source, grain) in sources().iter().zip(grain) {
            let Some(value) = source.write(left) else {
                prop_assert!(left < grain, "{source:?} writes nothing for {left:?}");
                continue;
            };
            let back = read(source, value).expect("of its own format");
            prop_assert!(back <= left, "{source:?}: {back:?} of {left:?}");
            // gRPC has eight digits of hours at most; milliseconds have 64 bits.
            let most = Duration::from_secs(99_999_999 * 3600).min(Duration::from_millis(u64::MAX));
            let lost = left.min(most) - back.min(most);
            prop_assert!(lost <= grain, "{source:?}: {back:?} of {left:?}");
        }
    }

    #[test]
    fn no_value_panics_or_is_read_in_two_ways(value in any_value()) {
        for source in sources() {
            let once = read(&source, value.clone());
            prop_assert_eq!(once, read(&source, value.clone()));
        }
    }

    #[test]
    fn every_grpc_timeout_of_the_protocol_is_read(
        number in 0..100_000_000_u64,
        unit in 0..6_usize,
    ) {
        let units = [("H", 3_600_000_000_000), ("M", 60_000_000_000), ("S", 1_000_000_000),
            ("m", 1_000_000), ("u", 1_000), ("n", 1_u128)];
        let (letter, nanos) = units[unit];
        let value = HeaderValue::from_str(&format!("{number}{letter}")).expect("a value");
        let read = read(&DeadlineSource::grpc(), value).expect("of the protocol");
        prop_assert_eq!(read.as_nanos(), u128::from(number) * nanos);
    }

    #[test]
    fn a_number_too_large_saturates(digits in "[1-9][0-9]{19}") {
        let number = digits.parse::<u64>().unwrap_or(u64::MAX);
        let value = HeaderValue::from_str(&digits).expect("a value");
        let read = read(&DeadlineSource::millis(NAME), value);
        prop_assert_eq!(read, Some(Duration::from_millis(number)));
    }

    #[test]
    fn a_propagated_trace_is_read_as_the_same(
        trace in 1..=u128::MAX, span in 1..=u64::MAX, flags: u8,
        state in "[a-z][a-z0-9]{0,8}=[!-+]{1,9}", baggage in "[a-zA-Z]{1,9}=[!#-+]{0,9}",
    ) {
        let mut headers = HeaderMap::new();
        let parent = format!("00-{trace:032x}-{span:016x}-{flags:02x}");
        let lines = [("traceparent", parent), ("tracestate", state), ("baggage", baggage)];
        for (name, value) in lines {
            headers.insert(name, HeaderValue::from_str(&value).expect("a value"));
        }
        let mut out = HeaderMap::new();
        TraceContext::read(&headers).write(&mut out);
        prop_assert_eq!(headers, out);
    }

    #[test]
    fn propagated_headers_are_valid_for_any_inbound_ones(
        parent in any_value(), states in proptest::collection::vec(any_value(), 0..4),
        baggage in proptest::collection::vec(any_value(), 0..4),
    ) {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", parent);
        states.into_iter().for_each(|state| { headers.append("tracestate", state); });
        baggage.into_iter().for_each(|line| { headers.append("baggage", line); });
        let mut once = HeaderMap::new();
        TraceContext::read(&headers).write(&mut once);
        let mut twice = HeaderMap::new();
        TraceContext::read(&once).write(&mut twice);
        prop_assert_eq!(once, twice);
    }
}
