//! TLS of our own: a certificate and its key, read at the start and again whenever they change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde::Deserialize;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use x509_parser::extensions::GeneralName;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// A certificate that ends within this time is worth a warning.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The `[server.tls]` part of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The certificate and those between it and its root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// The authority that signs the certificates which machines show to this server, such as phone systems, PEM. Absent: none are asked for. Who shows
    /// none is served all the same, as far as others are.
    pub client_authority: Option<PathBuf>,
}

/// The names in a certificate that a machine has shown, which the authority has signed. In a request's extensions.
#[derive(Clone, Debug)]
pub(super) struct ShownNames(pub(super) Arc<[String]>);

impl ShownNames {
    /// Reads them from the certificate that begins the chain of a connection. `None`: none was shown.
    pub(super) fn of(chain: Option<&[CertificateDer<'_>]>) -> Option<ShownNames> {
        let (_, shown) = x509_parser::parse_x509_certificate(chain?.first()?).ok()?;
        let alternatives = shown.subject_alternative_name().ok().flatten();
        let alternatives = alternatives.iter().flat_map(|extension| &extension.value.general_names);
        let names = alternatives.filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            _ => None,
        });
        let common = shown.subject().iter_common_name().filter_map(|name| name.as_str().ok()).map(str::to_owned);
        Some(ShownNames(names.chain(common).collect()))
    }
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file that cannot be read.
    #[error("server.tls.{setting} {}: {error}", .file.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// A file without what it should hold.
    #[error("server.tls.{setting} {} holds no {wanted} in PEM: it should have a line -----BEGIN {label}-----", .file.display())]
    NotPem {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// How that begins.
        label: &'static str,
    },
    /// The system does not let the process listen for SIGHUP.
    #[error("server.tls: SIGHUP cannot be heard: {0}")]
    Signal(io::Error),
    /// Two files that do not belong together.
    #[error("server.tls: the key in {} is not that of the certificate in {}", .key.display(), .certificate.display())]
    OtherKey {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// An authority that rustls does not take.
    #[error("server.tls.client_authority {} cannot be used: {error}", .file.display())]
    Authority {
        /// Its file.
        file: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// A certificate or key that rustls does not take.
    #[error("server.tls: {} and {} cannot be used: {error}", .certificate.display(), .key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

/// The certificate of new connections.
#[derive(Clone)]
pub(super) struct Certificate(watch::Receiver<Arc<ServerConfig>>);

impl Certificate {
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        self.0.borrow().clone()
    }
}

/// What the files held.
#[derive(PartialEq)]
struct Files {
    certificate: Vec<u8>,
    authority: Option<Vec<u8>>,
    key: zeroize::Zeroizing<Vec<u8>>,
}

/// Looks after the files for as long as the server runs.
pub(super) struct Renewal {
    settings: Settings,
    seen: Files,
    asked: Signal,
    config: watch::Sender<Arc<ServerConfig>>,
}

/// Reads the certificate for the first time.
///
/// # Errors
/// [`TlsError`] names the setting, the file and what it should hold.
pub(super) async fn open(settings: &Settings) -> Result<(Certificate, Renewal), TlsError> {
    let seen = read(settings).await?;
    let (config, current) = watch::channel(load(settings, &seen)?);
    let asked = signal(SignalKind::hangup()).map_err(TlsError::Signal)?;
    Ok((Certificate(current), Renewal { settings: settings.clone(), seen, asked, config }))
}

impl Renewal {
    /// Takes a changed certificate into use, for connections that begin from then on: every few seconds, and at once on SIGHUP. One that cannot
    /// be used changes nothing, and the log says why, once.
    pub(super) async fn keep(mut self) {
        loop {
            let asked = tokio::time::timeout(LOOK, self.asked.recv()).await.is_ok();
            self.look(asked).await;
        }
    }

    async fn look(&mut self, asked: bool) {
        match read(&self.settings).await {
            Ok(files) if files == self.seen && !asked => {}
            Ok(files) => {
                match load(&self.settings, &files) {
                    Ok(config) => {
                        self.config.send_replace(config);
                        metrics::counter!("candor_tls_reloads_total", "result" => "taken").increment(1);
                        tracing::info!("the TLS certificate was read again: new connections get it");
                    }
                    // A certificate whose key is still being written is whole at the next look.
                    Err(error) => keep_the_old(&error),
                }
                self.seen = files;
            }
            Err(error) if asked => keep_the_old(&error),
            Err(_) => {}
        }
    }
}

fn keep_the_old(error: &TlsError) {
    metrics::counter!("candor_tls_reloads_total", "result" => "refused").increment(1);
    tracing::error!(%error, "the changed TLS certificate cannot be used: the one from before stays");
}

async fn read(settings: &Settings) -> Result<Files, TlsError> {
    let bytes = async |setting, file: &PathBuf| {
        tokio::fs::read(file).await.map_err(|error| TlsError::File { setting, file: file.clone(), error })
    };
    let certificate = bytes("certificate", &settings.certificate).await?;
    let authority = match &settings.client_authority {
        Some(file) => Some(bytes("client_authority", file).await?),
        None => None,
    };
    Ok(Files { certificate, authority, key: bytes("key", &settings.key).await?.into() })
}

fn load(settings: &Settings, files: &Files) -> Result<Arc<ServerConfig>, TlsError> {
    let Settings { certificate, key, client_authority } = settings.clone();
    let chain = certificates("certificate", &certificate, &files.certificate)?;
    let private = PrivateKeyDer::from_pem_slice(&files.key).map_err(|_| TlsError::NotPem {
        setting: "key",
        file: key.clone(),
        wanted: "private key",
        label: "PRIVATE KEY",
    })?;
    warn_of_its_end(settings, &chain);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = match (client_authority, &files.authority) {
        (Some(file), Some(held)) => {
            let mut roots = RootCertStore::empty();
            let unusable = |error: String| TlsError::Authority { file: file.clone(), error };
            for root in certificates("client_authority", &file, held)? {
                roots.add(root).map_err(|error| unusable(error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).allow_unauthenticated();
            verifier.build().map_err(|error| unusable(error.to_string()))?
        }
        _ => WebPkiClientVerifier::no_client_auth(),
    };
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.and_then(|builder| builder.with_client_cert_verifier(verifier).with_single_cert(chain, private));
    let mut config = config.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::OtherKey { key: key.clone(), certificate: certificate.clone() },
        error => TlsError::Unusable { certificate, key, error },
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(setting: &'static str, file: &Path, held: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(held).collect();
    let not_pem = || TlsError::NotPem { setting, file: file.to_owned(), wanted: "certificate", label: "CERTIFICATE" };
    all.ok().filter(|all| !all.is_empty()).ok_or_else(not_pem)
}

fn warn_of_its_end(settings: &Settings, chain: &[CertificateDer<'_>]) {
    let end = chain.iter().filter_map(|certificate| {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
    });
    let Some(end) = end.min() else { return };
    let (now, file) = (Timestamp::now(), settings.certificate.display());
    if end <= now {
        tracing::warn!(%file, %end, "the TLS certificate has expired: browsers refuse it");
    } else if end.duration_since(now) < SOON {
        tracing::warn!(%file, %end, "the TLS certificate expires soon: renew it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &std::path::Path, certificate: &str, key: &str) -> Settings {
        let settings = Settings { certificate: folder.join("tls.crt"), key: folder.join("tls.key"), client_authority: None };
        std::fs::write(&settings.certificate, certificate).unwrap();
        std::fs::write(&settings.key, key).unwrap();
        settings
    }

    async fn error(settings: &Settings) -> String {
        open(settings).await.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_files_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let (certificate, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        assert!(open(&settings(folder.path(), &certificate, &key)).await.is_ok());

        let said = error(&settings(folder.path(), &certificate, &other.serialize_pem())).await;
        assert!(said.contains("tls.key") && said.contains("not that of the certificate"), "{said}");
        let said = error(&settings(folder.path(), "certificate", &key)).await;
        assert!(said.contains("server.tls.certificate") && said.contains("-----BEGIN CERTIFICATE-----"), "{said}");
        let said = error(&settings(folder.path(), &certificate, &certificate)).await;
        assert!(said.contains("server.tls.key") && said.contains("-----BEGIN PRIVATE KEY-----"), "{said}");
        let mut with_authority = settings(folder.path(), &certificate, &key);
        with_authority.client_authority = Some(folder.path().join("tls.key"));
        let said = error(&with_authority).await;
        assert!(said.contains("server.tls.client_authority") && said.contains("-----BEGIN CERTIFICATE-----"), "{said}");
        let gone = settings(folder.path(), &certificate, &key);
        std::fs::remove_file(&gone.key).unwrap();
        let said = error(&gone).await;
        assert!(said.contains("server.tls.key") && said.contains("No such file"), "{said}");
    }
}
