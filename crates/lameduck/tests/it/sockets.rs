//! Other sockets than those of IPv4.

use super::*;

#[tokio::test]
async fn a_dual_stack_server_loses_no_client_of_either_family() {
    let duck = duck();
    let (stop, app) = (duck.stop_handle(), app(&duck));
    let listener = duck.bind("[::]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    let report = tokio::spawn(duck.serve_listener(listener, app));
    let both = ["127.0.0.1", "::1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
    let loads = both.map(|addr| Oracle::new(addr).with_client(Kind::KeepAlive, 4).start());
    for load in &loads {
        load.each_scenario_answered().await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.stop("test", true);
    let report = report.await.unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    for load in loads {
        load.stop_sending();
        let verdict = load.finish().await;
        assert!(verdict.is_clean(), "{verdict}");
    }
    for addr in both {
        assert!(TcpStream::connect(addr).await.is_err(), "{addr} is closed");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_on_a_unix_socket_stops_clean_and_its_handlers_have_the_address_of_their_peer() {
    use tokio::net::{UnixListener, UnixStream, unix};

    let path = std::env::temp_dir().join(format!("lameduck-whole-{}.sock", std::process::id()));
    _ = std::fs::remove_file(&path);
    let duck = duck();
    let peer = get(async |ConnectInfo(peer): ConnectInfo<unix::SocketAddr>| format!("{peer:?}"));
    let app = Router::new().route("/peer", peer).layer(duck.layer());
    let (stop, watch) = (duck.stop_handle(), duck.watch());
    let listener = duck.listener(UnixListener::bind(&path).unwrap());
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    let report = tokio::spawn(duck.serve_listener(listener, app.with_connect_info()));
    let mut kept = UnixStream::connect(&path).await.unwrap();
    let request = b"GET /peer HTTP/1.1\r\nhost: duck\r\n\r\n";
    kept.write_all(request).await.unwrap();
    let mut answer = [0; 4096];
    let read = kept.read(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(text.contains("200 OK") && text.contains("unnamed"), "{text}");
    stop.stop("test", true);
    watch.reached(Phase::LameDuck).await;
    kept.write_all(request).await.unwrap();
    let mut text = String::new();
    kept.read_to_string(&mut text).await.unwrap();
    assert!(text.contains("connection: close"), "{text}");
    let report = report.await.unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    assert!(UnixStream::connect(&path).await.is_err());
    std::fs::remove_file(&path).unwrap();
}
