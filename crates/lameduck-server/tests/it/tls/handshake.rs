//! Handshakes that are slow, or never end.

use rustls::pki_types::ServerName;
use tokio::time::Instant;

use super::*;

/// The first record of a client hello, and half of what it announces.
const HALF: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03half";

#[tokio::test]
async fn a_handshake_that_never_ends_delays_neither_other_clients_nor_the_stop() {
    for is_own in [true, false] {
        let options = sockets(|o| {
            o.first_byte_grace = SHORT;
            o.idle_grace = SHORT;
        });
        let server = Secure::start(options, |tls| tls, plain, is_own).await;
        let mut stuck = Vec::new();
        for bytes in [b"".as_slice(), HALF] {
            let mut client = TcpStream::connect(server.addr).await.unwrap();
            client.write_all(bytes).await.unwrap();
            stuck.push(client);
        }
        let mut client = server.connect(&["http/1.1"]).await;
        assert!(exchange(&mut client).await.ends_with("hello"));
        drop(client);
        let began = Instant::now();
        server.stop().await;
        assert!(began.elapsed() < 5 * SHORT, "{:?}", began.elapsed());
        for mut client in stuck {
            assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        }
    }
}

#[tokio::test]
async fn a_handshake_has_its_timeout() {
    for is_own in [true, false] {
        let change = |tls: Tls| tls.with_handshake_timeout(SHORT);
        let server = Secure::start(SocketOptions::new(), change, plain, is_own).await;
        let began = Instant::now();
        let mut client = TcpStream::connect(server.addr).await.unwrap();
        client.write_all(HALF).await.unwrap();
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        assert!(began.elapsed() >= SHORT);
        within(server.duck.connections.all_closed()).await;
        server.stop().await;
    }
}

#[tokio::test]
async fn a_handshake_under_way_at_the_stop_may_finish_and_its_request_is_answered() {
    for is_own in [true, false] {
        let server = Secure::start(SocketOptions::new(), |tls| tls, plain, is_own).await;
        let tcp = TcpStream::connect(server.addr).await.unwrap();
        while server.duck.connections.count() == 0 {
            tokio::task::yield_now().await;
        }
        server.duck.phase.publish(Phase::Draining);
        within(server.duck.connections.listeners_closed()).await;
        assert_eq!(server.duck.connections.count(), 1, "it is held");
        let name = ServerName::try_from("duck").unwrap();
        let connector = connector(&[&server.trusted], &["http/1.1"]);
        let mut client = within(connector.connect(name, tcp)).await.unwrap();
        assert!(exchange(&mut client).await.contains("connection: close"));
        assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
        server.stop().await;
    }
}

#[tokio::test]
async fn bytes_that_are_not_tls_are_answered_with_an_alert_and_counted_to_their_end() {
    let server = Secure::run(SocketOptions::new(), plain).await;
    let mut client = TcpStream::connect(server.addr).await.unwrap();
    client.write_all(REQUEST).await.unwrap();
    let answer = within(async {
        let mut answer = Vec::new();
        // The server does not read all that it sent, so a reset may follow.
        _ = client.read_to_end(&mut answer).await;
        answer
    })
    .await;
    assert_eq!(answer.first(), Some(&21), "an alert: {answer:?}");
    within(server.duck.connections.all_closed()).await;
    assert_eq!(server.duck.connections.totals().closed, 1);
    server.stop().await;
}

#[tokio::test]
async fn connections_of_the_accept_queue_are_served_with_tls() {
    let (duck, pems) = (Duck::new(SocketOptions::new()), Pems::new());
    let trusted = pems.renew();
    let tls = Tls::from_pem_files(pems.chain(), pems.key()).unwrap();
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap().with_tls(&tls);
    let addr = listener.local_addr().unwrap();
    let queued: Vec<_> = (0..20).map(|_| connect_and_send(addr, b"")).collect();
    duck.phase.publish(Phase::Draining);
    let server = spawn(serve(listener, hello(duck.watch())).into_future());
    let clients: Vec<_> = queued
        .into_iter()
        .map(|client| {
            let name = ServerName::try_from("duck").unwrap();
            let connecting = connector(&[&trusted], &[]).connect(name, into_tokio(client));
            spawn(async move { exchange(&mut connecting.await.unwrap()).await })
        })
        .collect();
    for client in clients {
        assert!(within(client).await.unwrap().ends_with("hello"));
    }
    within(server).await.unwrap();
    assert_refused(addr).await;
}
