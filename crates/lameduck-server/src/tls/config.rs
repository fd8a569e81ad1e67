//! What connections are encrypted with, and how that is replaced.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use lameduck_core::plumbing::log_later;
use rustls::{ServerConfig, sign::SingleCertAndKey};

use super::{TlsError, pem, pem::Files};

/// The certificate and the TLS options of a listener. They can be replaced while the server runs.
///
/// Clones share it. Give it to [`Listener::with_tls`](crate::Listener::with_tls):
///
/// ```no_run
/// # #[cfg(feature = "tls-ring")]
/// # #[expect(dead_code, reason = "shown, not run")]
/// # async fn f(
/// #     connections: lameduck_server::Connections,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// use lameduck_server::{Listener, Tls};
///
/// let tls = Tls::from_pem_files("/etc/tls/tls.crt", "/etc/tls/tls.key")?;
/// let listener = Listener::bind("[::]:443", &connections).await?.with_tls(&tls);
/// # drop(listener); Ok(())
/// # }
/// ```
///
/// A reload does not concern open connections: each keeps the certificate of its handshake.
#[derive(Clone)]
#[must_use = "TLS does nothing until it is given to a listener"]
pub struct Tls {
    current: Arc<RwLock<Arc<ServerConfig>>>,
    files: Option<Files>,
    handshake_timeout: Duration,
}

/// nginx gives 60 s. A handshake is two round trips.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

impl Tls {
    /// Reads a certificate chain, the server's own first, and its private key from PEM files.
    ///
    /// TLS 1.3 and 1.2, no client certificates, and `h2` before `http/1.1` in ALPN. The crypto
    /// provider is the default of the process ([`CryptoProvider::install_default`]), such as
    /// aws-lc-rs. Without a default, and with the feature `tls-ring`, it is ring.
    ///
    /// Blocks while it reads two small files.
    ///
    /// [`CryptoProvider::install_default`]: rustls::crypto::CryptoProvider::install_default
    ///
    /// # Errors
    ///
    /// Names the file, what is wrong with it, and what to do. A key that does not match the
    /// certificate is an error, too.
    pub fn from_pem_files(
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = Files { chain: chain.into(), key: key.into() };
        let provider = pem::provider()?;
        let resolver = SingleCertAndKey::from(files.load(&provider)?);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files: Some(files), ..Self::from_config(config) })
    }

    /// Uses a configuration as it is, with its own provider, versions, client certificates and
    /// ALPN. HTTP/2 needs `h2` in its `alpn_protocols`.
    pub fn from_config(config: impl Into<Arc<ServerConfig>>) -> Self {
        let current = Arc::new(RwLock::new(config.into()));
        Self { current, files: None, handshake_timeout: HANDSHAKE_TIMEOUT }
    }

    /// Offers HTTP/1.1 only. For a server without HTTP/2, such as axum without that feature: a
    /// client that agreed on HTTP/2 would speak it.
    pub fn without_http2(self) -> Self {
        let mut config = ServerConfig::clone(&self.current());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        self.replace(config);
        self
    }

    /// Sets how long a client may take for its handshake. By default 10 s, from its accept.
    ///
    /// Once draining has begun, the
    /// [first-byte grace](crate::SocketOptions::first_byte_grace) counts as well.
    pub const fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Reads the files again. New connections get the new certificate. Open connections keep
    /// theirs, and clients can still resume their sessions.
    ///
    /// Blocks while it reads two small files.
    ///
    /// # Errors
    ///
    /// As [`from_pem_files`](Self::from_pem_files). The old certificate is then kept.
    pub fn reload(&self) -> Result<(), TlsError> {
        let files = self.files.as_ref().ok_or_else(TlsError::no_files)?;
        let current = self.current();
        let resolver = SingleCertAndKey::from(files.load(current.crypto_provider())?);
        // Only the certificate changes. Sessions can still be resumed: if every client had to begin
        // anew, a reload would cost more than the certificate.
        let mut config = ServerConfig::clone(&current);
        config.cert_resolver = Arc::new(resolver);
        self.replace(config);
        Ok(())
    }

    /// Uses another configuration, as it is, for new connections.
    pub fn replace(&self, config: impl Into<Arc<ServerConfig>>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config.into();
    }

    /// Reloads at every SIGHUP, for as long as the future is polled. A reload that fails is logged
    /// as an error, and the old certificate is kept.
    ///
    /// From this call on SIGHUP never ends the process again, because tokio removes no signal
    /// handler. Do not make SIGHUP a trigger of the stop as well.
    ///
    /// ```no_run
    /// # #[expect(dead_code, reason = "shown, not run")]
    /// # fn f(tls: &lameduck_server::Tls) -> std::io::Result<()> {
    /// let reloads = tls.reload_on_hangup()?;
    /// tokio::spawn(reloads);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the system does not accept the signal handler.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    #[cfg(unix)]
    pub fn reload_on_hangup(&self) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut hangups = signal(SignalKind::hangup())?;
        let tls = self.clone();
        Ok(async move {
            while hangups.recv().await.is_some() {
                match tls.reload() {
                    Ok(()) => log_later!(info, "tls.reloaded", {}, "certificate reloaded"),
                    Err(error) => {
                        let why = std::error::Error::source(&error).map(ToString::to_string);
                        let error = error.to_string();
                        log_later!(
                            error,
                            "tls.kept",
                            { error, why },
                            "the old certificate is kept"
                        );
                    }
                }
            }
        })
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) const fn handshake_timeout(&self) -> Duration {
        self.handshake_timeout
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { current: _, files, handshake_timeout } = self;
        f.debug_struct("Tls")
            .field("files", files)
            .field("handshake_timeout", handshake_timeout)
            .finish_non_exhaustive()
    }
}
