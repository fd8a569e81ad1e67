//! TLS: real rustls clients, under the own server and under a stock one.

mod drill;
mod end;
mod handshake;
mod protocols;
mod reload;

use std::{path::PathBuf, sync::Arc};

use lameduck_server::{Tls, serve};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;

const SHORT: Duration = Duration::from_millis(200);

type Client = TlsStream<TcpStream>;

/// A certificate and its key in files.
struct Pems {
    folder: PathBuf,
}

impl Pems {
    fn new() -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lameduck-tls-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    fn chain(&self) -> PathBuf {
        self.folder.join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("tls.key")
    }

    /// Writes a new certificate for the name `duck`, signed by itself.
    fn renew(&self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["duck".to_owned()]).unwrap();
        std::fs::write(self.chain(), made.cert.pem()).unwrap();
        std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }
}

impl Drop for Pems {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A server with TLS, and the certificates that its clients trust.
struct Secure {
    duck: Duck,
    addr: SocketAddr,
    trusted: CertificateDer<'static>,
    server: JoinHandle<()>,
    tls: Tls,
    pems: Pems,
}

impl Secure {
    /// The own server.
    async fn run(options: SocketOptions, app: impl FnOnce(PhaseWatch) -> Router) -> Self {
        Self::start(options, |tls| tls, app, true).await
    }

    async fn start(
        options: SocketOptions,
        change: impl FnOnce(Tls) -> Tls,
        app: impl FnOnce(PhaseWatch) -> Router,
        is_own: bool,
    ) -> Self {
        let (duck, pems) = (Duck::new(options), Pems::new());
        let trusted = pems.renew();
        let tls = change(Tls::from_pem_files(pems.chain(), pems.key()).unwrap());
        let listener =
            Listener::bind("127.0.0.1:0", &duck.connections).await.unwrap().with_tls(&tls);
        let addr = listener.local_addr().unwrap();
        let app = app(duck.watch());
        let server = if is_own {
            spawn(serve(listener, app).into_future())
        } else {
            let signal = duck.connections.shutdown_signal();
            let server = axum::serve(listener, app).with_graceful_shutdown(signal).into_future();
            spawn(async move { server.await.unwrap() })
        };
        Self { duck, addr, trusted, server, tls, pems }
    }

    async fn connect(&self, alpn: &[&str]) -> Client {
        within(connect(self.addr, &[&self.trusted], alpn)).await.unwrap()
    }

    /// Stops, and waits for the end of everything.
    async fn stop(self) {
        self.duck.phase.publish(Phase::Draining);
        within(self.server).await.unwrap();
        within(self.duck.connections.all_closed()).await;
    }
}

fn connector(trusted: &[&CertificateDer<'static>], alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add((*certificate).clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(
    addr: SocketAddr,
    trusted: &[&CertificateDer<'static>],
    alpn: &[&str],
) -> io::Result<Client> {
    let tcp = TcpStream::connect(addr).await?;
    connector(trusted, alpn).connect(ServerName::try_from("duck").unwrap(), tcp).await
}

fn plain(watch: PhaseWatch) -> Router {
    hello(watch)
}
