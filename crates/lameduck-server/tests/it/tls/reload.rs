//! Certificates that change while the server runs.

use std::{
    error::Error as _,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::*;

fn served(client: &Client) -> CertificateDer<'static> {
    client.get_ref().1.peer_certificates().unwrap()[0].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_under_load_drops_no_connection_and_new_ones_get_the_new_certificate() {
    let server = Secure::run(SocketOptions::new(), plain).await;
    let mut kept = server.connect(&["http/1.1"]).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let handshakes = Arc::new(AtomicUsize::new(0));
    // Clients that trust every certificate that is ever served.
    let mut all = vec![server.trusted.clone()];
    let renewals: Vec<_> = (0..4).map(|_| rcgen_pair()).collect();
    all.extend(renewals.iter().map(|(certificate, ..)| certificate.clone()));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, handshakes) = (Arc::clone(&is_over), Arc::clone(&handshakes));
            let (addr, all) = (server.addr, all.clone());
            spawn(async move {
                let trusted: Vec<_> = all.iter().collect();
                let mut kept = within(connect(addr, &trusted, &["http/1.1"])).await.unwrap();
                while !is_over.load(Ordering::Relaxed) {
                    let mut client = within(connect(addr, &trusted, &["http/1.1"])).await.unwrap();
                    assert!(exchange(&mut client).await.ends_with("hello"));
                    assert!(exchange(&mut kept).await.ends_with("hello"));
                    handshakes.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for (certificate, chain, key) in &renewals {
        let before = handshakes.load(Ordering::Relaxed);
        while handshakes.load(Ordering::Relaxed) < before + 10 {
            assert!(clients.iter().all(|client| !client.is_finished()), "a client failed");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        std::fs::write(server.pems.chain(), chain).unwrap();
        std::fs::write(server.pems.key(), key).unwrap();
        server.tls.reload().unwrap();
        let client = within(connect(server.addr, &[certificate], &[])).await.unwrap();
        assert_eq!(&served(&client), certificate);
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        within(client).await.unwrap();
    }
    assert_eq!(served(&kept), server.trusted);
    assert!(exchange(&mut kept).await.ends_with("hello"));
    server.stop().await;
}

fn rcgen_pair() -> (CertificateDer<'static>, String, String) {
    let made = rcgen::generate_simple_self_signed(["duck".to_owned()]).unwrap();
    (made.cert.der().clone(), made.cert.pem(), made.signing_key.serialize_pem())
}

#[tokio::test]
async fn a_reload_that_fails_keeps_the_old_certificate_and_names_the_file() {
    let server = Secure::run(SocketOptions::new(), plain).await;
    let (chain, key) = (server.pems.chain(), server.pems.key());
    let check = async |named: &PathBuf, why: &str, fix: &str| {
        let error = server.tls.reload().unwrap_err();
        let (text, source) = (error.to_string(), error.source().unwrap().to_string());
        assert!(text.contains(&named.display().to_string()), "{text}");
        assert!(text.contains(fix), "{text}: no {fix}");
        assert!(source.contains(why), "{source}: no {why}");
        let client = server.connect(&[]).await;
        assert_eq!(served(&client), server.trusted);
    };
    let (_, other, _) = rcgen_pair();
    let good = std::fs::read(&chain).unwrap();
    std::fs::write(&chain, other).unwrap();
    check(&key, "keys may not be consistent", "does not belong").await;
    std::fs::write(&chain, "no certificate").unwrap();
    check(&chain, "BEGIN CERTIFICATE", "a PEM file").await;
    std::fs::write(&chain, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    check(&chain, "invalid peer certificate", "a valid X.509").await;
    std::fs::write(&chain, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    check(&chain, "does not end", "write it whole").await;
    std::fs::write(&chain, "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n").unwrap();
    check(&chain, "base64", "a readable PEM file").await;
    std::fs::remove_file(&chain).unwrap();
    check(&chain, "No such file", "put it there").await;
    std::fs::write(&chain, &good).unwrap();
    std::fs::write(&key, &good).unwrap();
    check(&key, "BEGIN PRIVATE KEY", "a PEM file").await;
    std::fs::write(&key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    check(&key, "key", "use an ECDSA").await;
    server.stop().await;
}

#[tokio::test]
async fn what_was_made_from_a_configuration_is_replaced_by_one() {
    let (duck, pems) = (Duck::new(SocketOptions::new()), Pems::new());
    let config = |pems: &Pems| {
        use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::from_pem_file(pems.key()).unwrap();
        let chain = vec![CertificateDer::from_pem_file(pems.chain()).unwrap()];
        rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap()
    };
    let first = pems.renew();
    let tls = Tls::from_config(config(&pems));
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("Tls::replace"), "{error}");
    let listener = Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap().with_tls(&tls);
    let addr = listener.local_addr().unwrap();
    let _server = spawn(serve(listener, hello(duck.watch())).into_future());
    within(connect(addr, &[&first], &[])).await.unwrap();
    let second = pems.renew();
    tls.replace(config(&pems));
    assert!(within(connect(addr, &[&first], &[])).await.is_err());
    within(connect(addr, &[&second], &[])).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_reloads_and_one_that_fails_keeps_the_old_certificate() {
    use futures_util::FutureExt as _;
    use tokio::signal::unix::{SignalKind, signal};

    let server = Secure::run(SocketOptions::new(), plain).await;
    let mut reloads = Box::pin(server.tls.reload_on_hangup().unwrap());
    let mut heard = signal(SignalKind::hangup()).unwrap();
    let hangup = || {
        let pid = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap();
        assert!(sent.success());
    };
    std::fs::write(server.pems.key(), "broken").unwrap();
    hangup();
    within(heard.recv()).await;
    // All receivers get the signal at once, and this poll reads the files.
    assert!(reloads.as_mut().now_or_never().is_none());
    drop(server.connect(&[]).await);
    let reloads = spawn(reloads);
    let renewed = server.pems.renew();
    hangup();
    within(async {
        while connect(server.addr, &[&renewed], &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(!reloads.is_finished());
    reloads.abort();
    server.stop().await;
}
