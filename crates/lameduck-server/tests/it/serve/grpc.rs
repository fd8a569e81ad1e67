//! Streams of gRPC messages at the end of a stop, on the wire.

use axum::{body::Body, http::header::CONTENT_TYPE};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use lameduck_drain::{UntilDrainLayer, UntilDrainOptions};

use super::*;

const MESSAGE: &[u8] = b"\0\0\0\0\x03abc";

#[tokio::test]
async fn a_stream_that_is_cancelled_gets_unavailable_in_its_trailers() {
    let duck = Duck::new(SocketOptions::new());
    let call = async || {
        let first = stream::iter([Ok::<_, std::convert::Infallible>(MESSAGE)]);
        let body = Body::from_stream(first.chain(stream::pending()));
        ([(CONTENT_TYPE, "application/grpc")], body)
    };
    let mut options = UntilDrainOptions::new();
    options.grpc = true;
    options.phase = Phase::Cancelling;
    let layer = UntilDrainLayer::new(duck.watch()).with_options(options);
    let app = Router::new().route("/", axum::routing::post(call).layer(layer));
    let (addr, server) = duck.run(app).await;
    let tcp = TcpStream::connect(addr).await.unwrap();
    let (mut send, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = spawn(connection);
    let request = http::Request::post("http://duck/").body(()).unwrap();
    let (response, mut upload) = send.send_request(request, false).unwrap();
    let mut body = within(response).await.unwrap().into_body();
    assert_eq!(within(body.data()).await.unwrap().unwrap(), MESSAGE);
    duck.phase.publish(Phase::Draining);
    // Both directions are open, and the call has the time of the drain.
    assert!(timeout(SHORT, body.data()).await.is_err());
    upload.send_data(Bytes::from_static(MESSAGE), false).unwrap();
    duck.phase.publish(Phase::Cancelling);
    assert!(within(body.data()).await.is_none());
    let trailers = within(body.trailers()).await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "14");
    assert!(trailers.contains_key("grpc-retry-pushback-ms"), "it says that it may be repeated");
    drop((body, upload, send));
    within(connection).await.unwrap().unwrap();
    within(server).await.unwrap();
}
