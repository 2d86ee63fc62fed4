//! Connections that only Asterisk can read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why no encrypted connection can ever be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read.
    #[error("asterisk.control.certificate {}: {error}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// The file holds no certificate that can vouch for another.
    #[error("asterisk.control.certificate {} holds no certificate in PEM: it should have a line -----BEGIN CERTIFICATE-----", .file.display())]
    NotPem {
        /// The file.
        file: PathBuf,
    },
    /// Nobody vouches for anybody on this machine.
    #[error(
        "asterisk.control: this machine has no certificates of authorities: install ca-certificates, or name asterisk.control.certificate"
    )]
    NoAuthorities,
    /// The cryptography of this program does not do TLS.
    #[error("asterisk.control: TLS cannot be used: {0}")]
    Unusable(rustls::Error),
}

/// Trusts the certificate in the file; without one, the authorities of this machine.
pub(super) fn client_config(certificate: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    match certificate {
        Some(file) => {
            let pem = std::fs::read(file).map_err(|error| TlsError::File { file: file.to_owned(), error })?;
            let certificates = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok);
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(TlsError::NotPem { file: file.to_owned() });
            }
        }
        None => {
            if roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs).0 == 0 {
                return Err(TlsError::NoAuthorities);
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(TlsError::Unusable)?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
