//! The trace that a request belongs to is propagated.

use http::{HeaderMap, HeaderValue};
use lameduck_context::{ContextLayer, TraceContext, TraceOptions};
use tower::{Layer, ServiceExt};

use crate::support::{Left, ask, current, handler, hello};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).expect("a value"));
    }
    headers
}

/// The outbound headers for these inbound ones.
fn propagated(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut out = HeaderMap::new();
    TraceContext::read(&headers(lines)).write(&mut out);
    out
}

#[test]
fn a_trace_is_propagated_as_it_came() {
    let lines = [("traceparent", PARENT), ("tracestate", "a=1,b@c=2"), ("baggage", "k=v;p, x=y")];
    assert_eq!(propagated(&lines), headers(&lines));
    let trace = TraceContext::read(&headers(&lines));
    assert_eq!(
        trace.trace_id().expect("a trace").to_u128(),
        0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c
    );
    assert_eq!(trace.parent_id().expect("a caller").to_u64(), 0xb7ad_6b71_6920_3331);
    assert_eq!(trace.span_id(), trace.parent_id());
    assert!(trace.is_sampled());
}

#[test]
fn an_invalid_parent_is_ignored_and_its_state_with_it() {
    for parent in [
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.more",
        " 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        let out = propagated(&[("traceparent", parent), ("tracestate", "a=1")]);
        assert!(out.is_empty(), "{parent}: {out:?}");
    }
    let out =
        propagated(&[("traceparent", PARENT), ("traceparent", PARENT), ("tracestate", "a=1")]);
    assert!(out.is_empty(), "two parents: {out:?}");
}

#[test]
fn of_a_later_version_the_known_part_is_read() {
    for (parent, flags) in [
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "01"),
        ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-what-comes", "03"),
    ] {
        let out = propagated(&[("traceparent", parent)]);
        let expected = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        assert_eq!(out["traceparent"], expected);
    }
}

#[test]
fn every_key_that_the_specification_allows_is_propagated() {
    // Level 2 has one grammar for both kinds of keys: `@` is a character like others.
    let longest = format!("1{}", "@".repeat(255));
    for key in ["a", "1@2", "a@b@c", "a@", "a_-*/@", &longest] {
        let lines = [("traceparent", PARENT), ("tracestate", &format!("{key}=v"))];
        assert_eq!(propagated(&lines), headers(&lines), "{key}");
    }
    for key in ["@a", "_a", "a b", "aB", &format!("{longest}a")] {
        let lines = [("traceparent", PARENT), ("tracestate", &format!("{key}=v"))];
        assert_eq!(propagated(&lines), headers(&lines[..1]), "{key}");
    }
}

#[test]
fn an_invalid_state_is_ignored_and_the_trace_is_propagated() {
    let many = vec!["k=v"; 33].join(",");
    let distinct: Vec<_> = (0..33).map(|n| format!("k{n}=v")).collect();
    let long = format!("k={}", "v".repeat(257));
    for state in [
        "",
        "k",
        "K=v",
        "k=",
        "=v",
        "k=a=b",
        "k=v,k=w",
        "k=\u{7f}",
        &many,
        &distinct.join(","),
        &long,
    ] {
        let mut lines = headers(&[("traceparent", PARENT)]);
        let Ok(value) = HeaderValue::from_bytes(state.as_bytes()) else { continue };
        lines.insert("tracestate", value);
        let mut out = HeaderMap::new();
        TraceContext::read(&lines).write(&mut out);
        assert_eq!(out, headers(&[("traceparent", PARENT)]), "{state}");
    }
    // As many as are allowed are propagated, several lines as one.
    let out = propagated(&[
        ("traceparent", PARENT),
        ("tracestate", &distinct[..16].join(",")),
        ("tracestate", &distinct[16..32].join(",")),
    ]);
    assert_eq!(out["tracestate"], distinct[..32].join(","));
}

#[test]
fn a_baggage_needs_no_trace_and_is_propagated_only_if_it_is_valid() {
    for (baggage, valid) in [
        ("k=v", true),
        ("k = v ; p ; q = r", true),
        ("k=,x=%20y", true),
        ("a=1,,b=2", true),
        ("", false),
        ("k", false),
        ("k v=1", false),
        ("k=a b", false),
        ("k=\"v\"", false),
        ("k=a\\b", false),
        ("k=v;", false),
        ("k=v;p=a b", false),
        (&vec!["k=v"; 64].join(","), true),
        (&vec!["k=v"; 65].join(","), false),
        (&format!("k={}", "v".repeat(8191)), false),
    ] {
        let out = propagated(&[("baggage", baggage)]);
        assert_eq!(out.contains_key("baggage"), valid, "{baggage}");
    }
}

#[test]
fn headers_that_a_tracer_has_written_stay() {
    let mut out = headers(&[("traceparent", "00-a-tracers-own")]);
    let trace = TraceContext::read(&headers(&[
        ("traceparent", PARENT),
        ("tracestate", "a=1"),
        ("baggage", "k=v"),
    ]));
    trace.write(&mut out);
    assert_eq!(out, headers(&[("traceparent", "00-a-tracers-own"), ("baggage", "k=v")]));
    let mut out = HeaderMap::new();
    trace.without_baggage().write(&mut out);
    assert!(!out.contains_key("baggage"));
}

#[test]
fn a_state_belongs_to_the_parent_that_is_written_and_to_no_other() {
    // There is a state of other code, and no parent.
    let mut out = headers(&[("tracestate", "left=1")]);
    TraceContext::read(&headers(&[("traceparent", PARENT)])).write(&mut out);
    assert_eq!(out, headers(&[("traceparent", PARENT)]));
    // An ignored parent has no state in the context itself either.
    let orphan = TraceContext::read(&headers(&[("tracestate", "a=1")]));
    assert_eq!(orphan, TraceContext::default());
}

/// The trace that the handler sees.
async fn seen(layer: ContextLayer, parent: &str) -> Option<TraceContext> {
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        theirs.leave(current().trace().cloned());
        async { hello() }
    }));
    let mut request = ask();
    *request.headers_mut() = headers(&[("traceparent", parent), ("tracestate", "a=1")]);
    service.oneshot(request).await.expect("infallible");
    left.take()
}

#[tokio::test]
async fn a_handler_sees_its_trace_where_the_layer_reads_it() {
    assert_eq!(seen(ContextLayer::new(), PARENT).await, None);
    let trace = seen(
        ContextLayer::new().with_options(|options| options.trace = Some(TraceOptions::new())),
        PARENT,
    )
    .await
    .expect("a trace");
    assert_eq!(trace.span_id(), trace.parent_id());
    let trace = seen(
        ContextLayer::new()
            .with_options(|options| options.trace.get_or_insert_default().own_spans = true),
        PARENT,
    )
    .await
    .expect("a trace");
    assert_ne!(trace.span_id(), trace.parent_id());
    let mut out = HeaderMap::new();
    trace.write(&mut out);
    let span = trace.span_id().expect("a span");
    assert_eq!(out["traceparent"], format!("00-0af7651916cd43dd8448eb211c80319c-{span}-01"));
    assert_eq!(out["tracestate"], "a=1");
}

#[tokio::test]
async fn a_span_of_its_own_has_only_the_flags_of_version_00() {
    let parent = PARENT.replace("-01", "-ff");
    assert_eq!(propagated(&[("traceparent", &parent)])["traceparent"], parent, "unchanged");
    let trace = seen(
        ContextLayer::new()
            .with_options(|options| options.trace.get_or_insert_default().own_spans = true),
        &parent,
    )
    .await
    .expect("a trace");
    let mut out = HeaderMap::new();
    trace.write(&mut out);
    assert!(out["traceparent"].to_str().expect("ASCII").ends_with("-03"), "{out:?}");
}
