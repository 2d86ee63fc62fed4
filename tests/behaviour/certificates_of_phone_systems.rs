//! A phone system may show a certificate instead of a password: one of our authority, with a name that the configuration knows.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::by_key::by_key;
use crate::http::{address, post};
use crate::service::Service;

/// A certificate and its key, PEM.
type Shown = (String, String);

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap().pem();
    (certificate, Issuer::new(parameters, key))
}

fn signed(name: &str, issuer: &Issuer<'static, KeyPair>) -> Shown {
    let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().unwrap();
    (parameters.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

/// What a dialplan is answered that asks what is next; `None`: the connection was refused.
async fn asks(service: &Service, trusted: &str, shown: Option<&Shown>) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    let stream = TcpStream::connect(address(service)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.ok()?;
    // A certificate that is refused is told after the client's part of the handshake.
    let asked = async move { post("/asterisk/after", "call=1.1&status=ANSWER").over(stream, "localhost").await.status };
    tokio::spawn(asked).await.ok()
}

#[tokio::test]
async fn a_phone_system_may_show_a_certificate_of_our_authority_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(file("tls.crt"), own.cert.pem()).unwrap();
    std::fs::write(file("tls.key"), own.signing_key.serialize_pem()).unwrap();
    let (certificate, issuer) = authority();
    std::fs::write(file("phone-systems.crt"), certificate).unwrap();
    let plan = by_key().with("SERVER__TLS__CERTIFICATE", &file("tls.crt")).with("SERVER__TLS__KEY", &file("tls.key"));
    let named = plan.with("ASTERISK__CERTIFICATE_NAMES", r#"["pbx.example.com"]"#);
    let service = named.with("SERVER__TLS__CLIENT_AUTHORITY", &file("phone-systems.crt")).start();

    let trusted = own.cert.pem();
    assert_eq!(asks(&service, &trusted, Some(&signed("pbx.example.com", &issuer))).await, Some(200));
    assert_eq!(asks(&service, &trusted, Some(&signed("other.example.com", &issuer))).await, Some(403));
    assert_eq!(asks(&service, &trusted, None).await, Some(403), "nobody has to show one, and who shows none is not known by one");
    let stranger = signed("pbx.example.com", &authority().1);
    assert_eq!(asks(&service, &trusted, Some(&stranger)).await, None, "of another authority");
}

#[test]
fn names_without_an_authority_stop_the_start() {
    let refused = by_key().with("ASTERISK__CERTIFICATE_NAMES", r#"["pbx.example.com"]"#).refused();
    assert!(refused.contains("asterisk.certificate_names") && refused.contains("server.tls.client_authority"), "{refused}");
}
