//! Headers as an attacker would write them: valid ones, broken at random. Not guided by coverage,
//! which needs a nightly compiler.
//!
//! `cargo xtask fuzz --seconds 60` runs this for longer, from a seed of its own that a failure
//! names.
#![allow(missing_docs, reason = "tests are named by sentences")]

use std::{
    convert::Infallible,
    future::{Future, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use lameduck_context::{
    ContextLayer, DeadlineSource, InboundDeadline, RequestContext, TraceContext,
};
use tower::{Layer, Service};

/// How many inputs an ordinary test run tries: less than a second.
const TRIES: u64 = 5_000;

/// The values to break: valid ones, and some that are almost valid.
const SAMPLES: [&[u8]; 16] = [
    b"1S",
    b"99999999H",
    b"00000000n",
    b"250",
    b"18446744073709551615",
    b"2.5",
    b"0.000000001",
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    b"a=1,b@c=2",
    b"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
    b"k=v;p=q , x = y",
    b"userId=alice,serverNode=DF%2028",
    b"0189aa5e-7c6b-7ecb-8576-91dab492ab56",
    b"",
    b"\xff\x80\t ",
];

/// What is inserted into other values.
const PIECES: [&[u8]; 12] =
    [b",", b";", b"=", b"@", b"-", b".", b" ", b"\t", b"0", b"H", b"\xc3\xa9", b"%"];

const NAMES: [HeaderName; 9] = [
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("x-envoy-expected-rq-timeout-ms"),
    HeaderName::from_static("x-request-timeout-ms"),
    HeaderName::from_static("request-timeout"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("content-type"),
];

/// Pseudorandom numbers, the same for the same seed (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or(0)
    }

    fn one_of<'a>(&mut self, all: &[&'a [u8]]) -> &'a [u8] {
        all[self.below(all.len())]
    }

    /// A value that was valid before it was broken a few times.
    fn value(&mut self) -> Vec<u8> {
        let mut value = self.one_of(&SAMPLES).to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(value.len() + 1);
            match self.below(6) {
                0 if at < value.len() => value[at] ^= 1 << self.below(8),
                1 => drop(value.splice(at..at, self.one_of(&PIECES).iter().copied())),
                2 => value.truncate(at),
                3 => drop(value.splice(at..at, self.one_of(&SAMPLES).iter().copied())),
                4 => value = value.repeat(1 + self.below(64)),
                _ if at < value.len() => drop(value.remove(at)),
                _ => {}
            }
        }
        value
    }

    fn headers(&mut self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for _ in 0..self.below(12) {
            let name = NAMES[self.below(NAMES.len())].clone();
            if let Ok(value) = HeaderValue::from_bytes(&self.value()) {
                headers.append(name, value);
            }
        }
        headers
    }
}

/// What holds for all headers.
fn check(headers: &HeaderMap) {
    let seconds = DeadlineSource::seconds(HeaderName::from_static("request-timeout"));
    let sources = [
        DeadlineSource::grpc(),
        DeadlineSource::envoy(),
        DeadlineSource::request_timeout_ms(),
        seconds,
    ];
    for source in &sources {
        if let Some(Ok(limit)) = source.read(headers) {
            // A call does not get more time.
            let mut out = HeaderMap::new();
            out.extend(source.write(limit).map(|value| (source.name().clone(), value)));
            let again = source.read(&out).and_then(Result::ok);
            assert!(again.is_none_or(|again| again <= limit), "{source:?}: {again:?} of {limit:?}");
        }
    }
    let (mut once, mut twice) = (HeaderMap::new(), HeaderMap::new());
    TraceContext::read(headers).write(&mut once);
    TraceContext::read(&once).write(&mut twice);
    assert_eq!(once, twice, "what is propagated is valid");
    for count_only in [false, true] {
        let mut inbound = InboundDeadline::new();
        inbound.count_only = count_only;
        check_layer(headers, inbound);
    }
}

/// Checks that a request with these headers is answered, with one id.
fn check_layer(headers: &HeaderMap, inbound: InboundDeadline) {
    let layer = ContextLayer::new().with_timeout(Duration::from_secs(5)).with_options(|options| {
        options.inbound_deadline = Some(inbound);
        options.trace.get_or_insert_default().own_spans = true;
    });
    let mut service = layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| {
        let context = RequestContext::current();
        let left = context.and_then(|context| context.remaining());
        assert!(left.is_some_and(|left| left <= Duration::from_secs(5)), "{left:?}");
        ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))))
    }));
    let mut request = Request::new(Full::default());
    *request.headers_mut() = headers.clone();
    let future = pin!(service.call(request));
    let Poll::Ready(Ok(response)) = future.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("a handler that is ready is not answered for");
    };
    let ids: Vec<_> = response.headers().get_all("x-request-id").iter().collect();
    assert!(ids.len() == 1 && (1..=128).contains(&ids[0].len()), "{ids:?}");
}

#[test]
fn no_header_panics_extends_a_deadline_or_is_propagated_unless_it_is_valid() {
    let number = |name| std::env::var(name).ok().and_then(|text: String| text.parse::<u64>().ok());
    let seed = number("LAMEDUCK_FUZZ_SEED").unwrap_or(1);
    let seconds = number("LAMEDUCK_FUZZ_SECONDS").map(Duration::from_secs);
    let began = tokio::time::Instant::now();
    let mut chance = Chance(seed);
    let mut tries = 0;
    loop {
        let is_over = match seconds {
            Some(seconds) => tries % 1000 == 0 && began.elapsed() >= seconds,
            None => tries >= TRIES,
        };
        if is_over {
            break;
        }
        tries += 1;
        let headers = chance.headers();
        let checked = catch_unwind(AssertUnwindSafe(|| check(&headers)));
        assert!(checked.is_ok(), "seed {seed}, try {tries}: {headers:?}");
    }
    println!("{tries} inputs from seed {seed}, none of which did harm");
}
