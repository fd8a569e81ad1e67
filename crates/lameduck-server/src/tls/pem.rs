//! Certificates and keys from PEM files.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    crypto::CryptoProvider,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{Error, PemObject as _},
    },
    sign::CertifiedKey,
};

use super::TlsError;

const CHAIN: &str = "certificate chain";
const KEY: &str = "private key";

/// The files of a certificate and its key, read again at each reload.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) chain: PathBuf,
    pub(super) key: PathBuf,
}

impl Files {
    /// Reads both, and checks that they match.
    pub(super) fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let Self { chain, key } = self;
        let certificates = CertificateDer::pem_file_iter(chain)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(|all| if all.is_empty() { Err(Error::NoItemsFound) } else { Ok(all) })
            .map_err(|error| explain(CHAIN, chain, "BEGIN CERTIFICATE", error))?;
        let private = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| explain(KEY, key, "BEGIN PRIVATE KEY", error))?;
        CertifiedKey::from_der(certificates, private, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::pair(chain, key, error),
            rustls::Error::InvalidCertificate(_) => {
                TlsError::file(CHAIN, chain, "its first certificate must be a valid X.509", error)
            }
            _ => TlsError::file(KEY, key, "use an ECDSA, Ed25519 or RSA key", error),
        })
    }
}

fn explain(what: &'static str, path: &Path, begins: &'static str, error: Error) -> TlsError {
    match error {
        Error::NoItemsFound => TlsError::file(
            what,
            path,
            "it must be a PEM file with such a block",
            format!("it has no block that begins with `-----{begins}-----`"),
        ),
        Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            TlsError::file(what, path, "let the server's user read it", error)
        }
        Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            TlsError::file(what, path, "put it there, or name another path", error)
        }
        Error::MissingSectionEnd { .. } => TlsError::file(
            what,
            path,
            "write it whole before the reload",
            "its last block begins but does not end",
        ),
        other => TlsError::file(what, path, "it must be a readable PEM file", other),
    }
}

/// The provider of the process, or else the built-in one.
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    if let Some(installed) = CryptoProvider::get_default() {
        return Ok(Arc::clone(installed));
    }
    built_in().map(Arc::new).ok_or_else(TlsError::no_provider)
}

#[cfg(feature = "tls-ring")]
fn built_in() -> Option<CryptoProvider> {
    Some(rustls::crypto::ring::default_provider())
}

#[cfg(not(feature = "tls-ring"))]
const fn built_in() -> Option<CryptoProvider> {
    None
}
