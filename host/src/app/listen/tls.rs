//! The certificate of the port, which may be exchanged while the server runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::version::{TLS12, TLS13};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Tls;

/// How often it is looked whether the files have changed.
const LOOK: Duration = Duration::from_secs(2);

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read the {what} {}", path.display())]
    Read {
        /// Certificate or key.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is not PEM, or holds something else.
    #[error("there is no {what} in {}; it has to be in PEM form", path.display())]
    Parse {
        /// Certificate or key.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// They do not belong together, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used; do they belong together?")]
    Pair(#[source] rustls::Error),
}

/// What tells one state of a file from another.
type Mark = Option<(SystemTime, u64)>;

/// The certificate that new connections are shown.
pub struct Certificates {
    places: Tls,
    current: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads the certificate and its key.
    pub fn load(places: Tls) -> Result<Self, Error> {
        let current = RwLock::new(Arc::new(read(&places)?));
        Ok(Self { places, current })
    }

    /// How to greet a client just now.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files again whenever they have changed, and at SIGHUP, as long as this is waited for. What cannot be used
    /// changes nothing.
    pub(super) async fn follow(&self) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut seen = self.marks();
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep(LOOK) => false,
                () = asked(&mut hangup) => true,
            };
            let marks = self.marks();
            if asked || marks != seen {
                seen = marks;
                self.reload();
            }
        }
    }

    fn reload(&self) {
        match read(&self.places) {
            Ok(new) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
                tracing::info!("new connections are shown the new certificate");
            }
            Err(error) => {
                let reason = match &error {
                    Error::Read { what, source, .. } => format!("the {what}: {source}"),
                    Error::Parse { what, source, .. } => format!("the {what}: {source}"),
                    Error::Pair(source) => source.to_string(),
                };
                tracing::warn!(
                    reason,
                    "the new certificate cannot be used; the old one stays in use"
                );
            }
        }
    }

    fn marks(&self) -> [Mark; 2] {
        [&self.places.certificate, &self.places.key].map(|path| {
            let about = fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }
}

/// Returns at SIGHUP; never when it cannot be listened for.
async fn asked(hangup: &mut Option<tokio::signal::unix::Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn read(places: &Tls) -> Result<ServerConfig, Error> {
    let (what, path) = ("certificate", &places.certificate);
    let bytes = bytes(what, path)?;
    let parse = |source| Error::Parse {
        what,
        path: path.clone(),
        source,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(parse)?;
    if chain.is_empty() {
        return Err(parse(pem::Error::NoItemsFound));
    }
    let key = key(&places.key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(Error::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(Error::Pair)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let what = "key";
    PrivateKeyDer::from_pem_slice(&bytes(what, path)?).map_err(|source| Error::Parse {
        what,
        path: path.to_owned(),
        source,
    })
}

fn bytes(what: &'static str, path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read {
        what,
        path: path.to_owned(),
        source,
    })
}
