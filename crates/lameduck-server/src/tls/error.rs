//! Why a certificate cannot be used.

use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
};

/// A certificate or key that cannot be used. Names the file, what is wrong with it and the fix.
#[derive(Debug)]
pub struct TlsError {
    kind: Kind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug)]
enum Kind {
    /// A file that cannot be read, or does not contain what it should.
    File {
        what: &'static str,
        path: PathBuf,
        fix: &'static str,
    },
    /// Two files that do not match.
    Pair {
        chain: PathBuf,
        key: PathBuf,
    },
    NoProvider,
    NoFiles,
    Versions,
}

impl TlsError {
    pub(super) fn file(
        what: &'static str,
        path: &Path,
        fix: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let kind = Kind::File { what, path: path.to_owned(), fix };
        Self { kind, source: Some(source.into()) }
    }

    pub(super) fn pair(chain: &Path, key: &Path, source: rustls::Error) -> Self {
        let kind = Kind::Pair { chain: chain.to_owned(), key: key.to_owned() };
        Self { kind, source: Some(source.into()) }
    }

    pub(super) const fn no_provider() -> Self {
        Self { kind: Kind::NoProvider, source: None }
    }

    pub(super) const fn no_files() -> Self {
        Self { kind: Kind::NoFiles, source: None }
    }

    pub(super) fn versions(source: rustls::Error) -> Self {
        Self { kind: Kind::Versions, source: Some(source.into()) }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::File { what, path, fix } => {
                write!(f, "the {what} `{}` cannot be used; {fix}", path.display())
            }
            Kind::Pair { chain, key } => write!(
                f,
                "the private key `{}` does not belong to the first certificate of `{}`; put the \
                 server's own certificate first, and replace both files before the reload",
                key.display(),
                chain.display()
            ),
            Kind::NoProvider => f.write_str(
                "rustls has no crypto provider; install one with \
                 `CryptoProvider::install_default`, or turn on the feature `tls-ring`",
            ),
            Kind::NoFiles => f.write_str(
                "there are no files to read again, because this was made from a \
                 `ServerConfig`; pass a new one to `Tls::replace`",
            ),
            Kind::Versions => f.write_str(
                "the crypto provider supports neither TLS 1.2 nor 1.3; use one that does, such as \
                 ring or aws-lc-rs",
            ),
        }
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}
