//! What the clients of the chat receive when the server stops.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use lameduck_test_support::TestServer;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

const BOUND: Duration = Duration::from_secs(20);

async fn start() -> TestServer {
    TestServer::start(env!("CARGO_BIN_EXE_websocket-chat"), ["--lame-duck", "300"]).await
}

async fn enter(server: &TestServer) -> Client {
    connect_async(format!("ws://{}/chat", server.addr())).await.unwrap().0
}

/// The next text, or the code of the close frame.
async fn next(client: &mut Client) -> Result<String, CloseCode> {
    let came = timeout(BOUND, client.next()).await.expect("no message arrives");
    match came.expect("cut without a close frame").unwrap() {
        Message::Text(text) => Ok(text.to_string()),
        Message::Close(frame) => Err(frame.expect("closed without a code").code),
        other => panic!("{other:?}"),
    }
}

/// Reads until the server has closed the socket: all texts, and the code.
async fn rest(client: &mut Client) -> (Vec<String>, CloseCode) {
    let mut texts = Vec::new();
    loop {
        match next(client).await {
            Ok(text) => texts.push(text),
            Err(code) => {
                assert!(client.next().await.is_none(), "something after the close frame");
                return (texts, code);
            }
        }
    }
}

#[tokio::test]
async fn every_client_receives_1001_and_is_waited_for() {
    let server = start().await;
    let (mut one, mut other) = (enter(&server).await, enter(&server).await);
    one.send("hello".into()).await.unwrap();
    assert_eq!(next(&mut one).await.unwrap(), "hello");
    assert_eq!(next(&mut other).await.unwrap(), "hello");
    server.terminate();
    for client in [&mut one, &mut other] {
        assert_eq!(rest(client).await, (vec![], CloseCode::Away));
    }
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn every_message_sent_before_the_stop_reaches_all_clients_without_a_gap() {
    let server = start().await;
    let (mut talker, mut listener) = (enter(&server).await, enter(&server).await);
    talker.send("0".into()).await.unwrap();
    assert_eq!(next(&mut listener).await.unwrap(), "0");
    server.terminate();
    let (mut send, mut receive) = talker.split();
    let talk = async {
        for number in 1.. {
            // Fails when the server has closed the connection.
            if send.send(number.to_string().into()).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let listen = async {
        let mut echoed = Vec::new();
        loop {
            match receive.next().await.expect("cut without a close frame").unwrap() {
                Message::Text(text) => echoed.push(text.to_string()),
                Message::Close(frame) => break (echoed, frame.unwrap().code),
                other => panic!("{other:?}"),
            }
        }
    };
    let ((echoed, code), (received, other_code)) = tokio::select! {
        both = async { tokio::join!(listen, rest(&mut listener)) } => both,
        () = async { talk.await; std::future::pending().await } => unreachable!(),
    };
    assert_eq!((code, other_code), (CloseCode::Away, CloseCode::Away));
    // The last messages may have crossed a close frame. The listener read the first one above.
    for (texts, first) in [(&echoed, 0), (&received, 1)] {
        let all: Vec<_> = (first..first + texts.len()).map(|number| number.to_string()).collect();
        assert_eq!(*texts, all);
        assert!(texts.len() > 50, "{}", texts.len());
    }
    server.stopped().await.assert_clean();
}

#[tokio::test]
async fn a_client_that_never_answers_the_close_frame_delays_the_stop_by_two_seconds_only() {
    let server = start().await;
    let client = enter(&server).await;
    server.terminate();
    let stopped = server.stopped().await;
    stopped.assert_clean();
    // 0.3 s lame duck and 2 s for the close frame, while the timeouts add up to 23 s.
    assert!(stopped.waited < Duration::from_secs(4), "{:?}", stopped.waited);
    drop(client);
}
