//! A request that comes after the last check for bytes, when the server has decided to close.

use std::{convert::Infallible, pin::pin, sync::Arc};

use axum::body::Body;
use futures_util::{StreamExt as _, stream};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::sync::{Notify, oneshot};

use super::*;

const HOLD: Duration = Duration::from_millis(50);

#[tokio::test]
async fn the_client_of_a_request_that_came_too_late_learns_that_it_was_not_executed() {
    check(SocketOptions::new(), REQUEST, b"").await;
}

#[tokio::test]
async fn with_an_answer_on_idle_close_even_a_request_on_the_wire_is_answered() {
    check(sockets(|o| o.answer_on_idle_close = true), b"", REQUEST).await;
}

/// An idle connection is closed. Its client sends `before` the close, and more `after` it.
async fn check(mut options: SocketOptions, before: &[u8], after: &[u8]) {
    options.idle_grace = HOLD;
    let duck = Duck::new(options);
    // A plain hyper loop: one connection, then the signal.
    let mut listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (close, closing) = oneshot::channel::<()>();
    let server = spawn(async move {
        let (io, _) = listener.accept().await;
        let accepting = spawn(async move { listener.accept().await.1 });
        let service = service_fn(|_: http::Request<Incoming>| async {
            Ok::<_, Infallible>(http::Response::new(String::from("hello")))
        });
        let mut connection =
            pin!(http1::Builder::new().serve_connection(TokioIo::new(io), service));
        tokio::select! {
            // The signal first: hyper must not see the request.
            biased;
            _ = closing => connection.as_mut().graceful_shutdown(),
            _ = connection.as_mut() => panic!("it is kept"),
        }
        connection.await.unwrap();
        accepting.abort();
    });

    let mut client = TcpStream::connect(addr).await.unwrap();
    assert!(exchange(&mut client).await.contains("200 OK"));
    let mut client = client.into_std().unwrap();
    duck.phase.publish(Phase::Draining);
    within(duck.connections.shutdown_signal()).await;
    // No task runs between the last check and this.
    client.write_all(before).unwrap();
    close.send(()).unwrap();

    let mut client = into_tokio(client);
    // In the second case the client sees the close only when it sends.
    let head = client.read_u8().await.unwrap();
    client.write_all(after).await.unwrap();
    let rest = read_to_end(&mut client).await.unwrap();
    let answer = String::from_utf8([&[head], &rest[..]].concat()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("\"code\":\"draining\""));
    drop(client);
    within(server).await.unwrap();
    let totals = duck.connections.totals();
    assert_eq!((totals.rejected, totals.idle_closed, totals.unread), (1, 0, 0));
}

/// An HTTP/1.0 body ends with the connection: one more byte would change it.
#[tokio::test]
async fn a_body_that_ends_with_the_connection_gets_no_last_answer() {
    let duck = Duck::new(sockets(|o| {
        o.answer_on_idle_close = true;
        o.idle_grace = HOLD;
    }));
    let end = Arc::new(Notify::new());
    let ended = Arc::clone(&end);
    let handler = || async move {
        let parts = ["begin, ", "end"].into_iter().map(String::from);
        Body::from_stream(
            stream::iter(parts)
                .chain(
                    // Nothing more is sent, but the body does not end before the test says so.
                    stream::once(async move {
                        ended.notified().await;
                        String::new()
                    }),
                )
                .map(Ok::<_, Infallible>),
        )
    };
    let (addr, server) = duck.serve(Router::new().route("/", get(handler))).await;
    let mut client = into_tokio(connect_and_send(addr, b"GET / HTTP/1.0\r\nhost: duck\r\n\r\n"));
    let mut answer = Vec::new();
    while !answer.ends_with(b"end") {
        within(client.read_buf(&mut answer)).await.unwrap();
    }
    duck.phase.publish(Phase::Draining);
    within(duck.connections.shutdown_signal()).await;
    end.notify_one();
    assert!(read_to_end(&mut client).await.unwrap().is_empty());
    within(server).await.unwrap().unwrap();
}
