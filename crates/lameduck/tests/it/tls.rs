//! A server with TLS.

use std::{path::PathBuf, process::Command, sync::Arc};

use lameduck::server::Tls;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;

const BOUND: Duration = Duration::from_secs(20);

/// Files with a self-signed certificate for `duck`.
struct Pems(PathBuf);

impl Pems {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("lameduck-whole-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["duck".to_owned()]).unwrap();
        std::fs::write(self.0.join("chain"), made.cert.pem()).unwrap();
        std::fs::write(self.0.join("key"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }
}

impl Drop for Pems {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn connect(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(addr).await?;
    let name = ServerName::try_from("duck").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

#[tokio::test]
async fn a_server_with_tls_renews_its_certificate_at_a_hangup_and_stops_clean() {
    let pems = Pems::new();
    let first = pems.renew();
    let tls = Tls::from_pem_files(pems.0.join("chain"), pems.0.join("key")).unwrap();
    let duck = builder().with_tls_reload(&tls).build();
    let (stop, watch, app) = (duck.stop_handle(), duck.watch(), app(&duck));
    let listener = duck.bind("127.0.0.1:0").await.unwrap().with_tls(&tls);
    let addr = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    let report = tokio::spawn(duck.serve_listener(listener, app.with_connect_info()));

    let mut kept = timeout(BOUND, connect(addr, &first)).await.unwrap().unwrap();
    let second = pems.renew();
    let pid = std::process::id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    timeout(BOUND, async {
        while connect(addr, &second).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();

    stop.stop("test", true);
    watch.reached(Phase::LameDuck).await;
    kept.write_all(b"GET /peer HTTP/1.1\r\nhost: duck\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    // A read to the end fails if the end is not clean.
    timeout(BOUND, kept.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.contains("connection: close") && answer.contains("127.0.0.1:"), "{answer}");
    let report = timeout(BOUND, report).await.unwrap().unwrap();
    assert_eq!(report.outcome(), Outcome::Clean, "{report}");
    assert!(report.took() < Duration::from_secs(5), "{report}");
}
