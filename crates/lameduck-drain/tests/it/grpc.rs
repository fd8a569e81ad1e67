//! Streams of gRPC messages: whole messages, then a status after which clients call again.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::{Body as _, Frame};
use http_body_util::StreamBody;
use lameduck_drain::{
    Phase, PhaseSender, RetryAfter, UntilDrainBody, UntilDrainLayer, UntilDrainOptions,
    phase_channel,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tower::{Layer, ServiceExt, service_fn};

type Piece = Result<Frame<Bytes>, Infallible>;
type Pieces = Pin<Box<dyn Stream<Item = Piece> + Send>>;
type Body = UntilDrainBody<StreamBody<Pieces>>;

const MESSAGE: &[u8] = b"\0\0\0\0\x03abc";

fn layer() -> (PhaseSender, UntilDrainLayer) {
    layer_with(|_| ())
}

fn layer_with(change: impl FnOnce(&mut UntilDrainOptions)) -> (PhaseSender, UntilDrainLayer) {
    let (phase, watch) = phase_channel();
    phase.publish(Phase::Running);
    let mut options = UntilDrainOptions::new();
    options.retry_after = RetryAfter::fixed(Duration::from_millis(1500));
    options.grpc = true;
    change(&mut options);
    (phase, UntilDrainLayer::new(watch).with_options(options))
}

async fn answer(layer: &UntilDrainLayer, kind: &'static str, pieces: Pieces) -> Body {
    let pieces = Mutex::new(Some(pieces));
    let handler = service_fn(|_: Request<()>| {
        let mut response = Response::new(StreamBody::new(pieces.lock().unwrap().take().unwrap()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        std::future::ready(Ok::<_, Infallible>(response))
    });
    layer.layer(handler).oneshot(Request::new(())).await.unwrap().into_body()
}

fn data(bytes: &'static [u8]) -> Piece {
    Ok(Frame::data(Bytes::from_static(bytes)))
}

fn trailers(status: &'static str) -> Piece {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    Ok(Frame::trailers(trailers))
}

/// The data that is ready, the trailers, and whether that is all.
fn ready(body: &mut Body) -> (Vec<u8>, Option<HeaderMap>, bool) {
    let (mut bytes, mut trailers) = (Vec::new(), None);
    for _ in 0..1000 {
        match Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(frame)) => match frame.unwrap().into_data() {
                Ok(data) => bytes.extend(data),
                Err(frame) => {
                    let before = trailers.replace(frame.into_trailers().unwrap());
                    assert!(before.is_none(), "trailers come once");
                }
            },
            Poll::Ready(None) => return (bytes, trailers, true),
            Poll::Pending => return (bytes, trailers, false),
        }
    }
    panic!("it does not end");
}

#[tokio::test]
async fn a_grpc_stream_ends_after_a_whole_message_with_unavailable_in_its_trailers() {
    let (phase, layer) = layer();
    let (pieces, receiver) = mpsc::channel(8);
    let mut body =
        answer(&layer, "application/grpc+proto", ReceiverStream::new(receiver).boxed()).await;
    pieces.try_send(data(MESSAGE)).unwrap();
    pieces.try_send(data(&MESSAGE[..6])).unwrap();
    phase.publish(Phase::Draining);
    assert_eq!(ready(&mut body), ([MESSAGE, &MESSAGE[..6]].concat(), None, false));
    pieces.try_send(data(&MESSAGE[6..])).unwrap();
    let (bytes, trailers, is_all) = ready(&mut body);
    assert!(is_all && bytes == MESSAGE[6..]);
    let trailers = trailers.unwrap();
    assert_eq!(trailers["grpc-status"], "14");
    assert_eq!(trailers["grpc-retry-pushback-ms"], "1500");
    assert!(trailers.contains_key("grpc-message"));
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn a_grpc_stream_may_have_the_whole_drain() {
    let (phase, layer) = layer_with(|options| options.phase = Phase::Cancelling);
    let first = stream::iter([data(MESSAGE)]).chain(stream::pending());
    let mut body = answer(&layer, "application/grpc", first.boxed()).await;
    phase.publish(Phase::Draining);
    assert_eq!(ready(&mut body), (MESSAGE.to_vec(), None, false));
    phase.publish(Phase::Cancelling);
    let (bytes, trailers, is_all) = ready(&mut body);
    assert!(bytes.is_empty() && is_all);
    assert_eq!(trailers.unwrap()["grpc-status"], "14");
}

#[tokio::test]
async fn an_answer_that_is_ready_at_the_end_arrives_with_its_own_status() {
    for phase_then in [Phase::Draining, Phase::Cancelling, Phase::Forced] {
        let (phase, layer) = layer();
        let whole = stream::iter([data(MESSAGE), trailers("0")]).chain(stream::pending());
        let mut body = answer(&layer, "application/grpc", whole.boxed()).await;
        phase.publish(phase_then);
        let (bytes, trailers, is_all) = ready(&mut body);
        assert_eq!((&bytes[..], is_all), (MESSAGE, true), "{phase_then}");
        assert_eq!(trailers.unwrap()["grpc-status"], "0", "{phase_then}");
    }
}

#[tokio::test]
async fn a_body_that_never_pauses_ends_with_cancelling() {
    for kind in ["application/grpc", "text/event-stream"] {
        let (phase, layer) = layer();
        let for_ever = stream::repeat_with(|| data(b"\0\0\0\0\x02\n\n"));
        let mut body = answer(&layer, kind, for_ever.boxed()).await;
        phase.publish(Phase::Cancelling);
        let (bytes, trailers, is_all) = ready(&mut body);
        let last = b"retry: 1500\n\n".len();
        assert!(is_all && bytes.len() <= 32 * 7 + last, "{}", bytes.len());
        assert_eq!(trailers.is_some(), kind == "application/grpc");
        assert_eq!(bytes.ends_with(b"\n\nretry: 1500\n\n"), kind == "text/event-stream");
    }
}

#[tokio::test]
async fn a_stream_that_is_not_grpc_or_not_chosen_runs_on() {
    for (kind, is_chosen) in [("application/grpc", false), ("application/grpc-web", true)] {
        let (phase, layer) = layer_with(|options| options.grpc = is_chosen);
        let mut body = answer(&layer, kind, stream::pending().boxed()).await;
        phase.publish(Phase::Cancelling);
        assert_eq!(ready(&mut body), (Vec::new(), None, false), "{kind}");
    }
}
