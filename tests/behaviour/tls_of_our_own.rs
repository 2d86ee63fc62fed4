//! With a certificate the server speaks TLS itself, takes a renewed one into use without dropping anybody, and stops as well as without.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::by_key::by_key;
use crate::http::{address, get};
use crate::service::{Plan, Service};

/// A certificate for `localhost` that ends so many days from now, with its key, in this folder.
fn certify(folder: &Path, days: i64) -> String {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let end = jiff::Zoned::now().checked_add(jiff::Span::new().days(days)).unwrap();
    parameters.not_after = rcgen::date_time_ymd(end.year().into(), end.month() as u8, end.day() as u8);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap().pem();
    std::fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("tls.crt"), &certificate).unwrap();
    certificate
}

fn secure(folder: &Path) -> Plan {
    let file = |name| folder.join(name).to_str().unwrap().to_owned();
    by_key().with("SERVER__TLS__CERTIFICATE", &file("tls.crt")).with("SERVER__TLS__KEY", &file("tls.key"))
}

/// Connects as a browser would that trusts this certificate alone.
async fn connect(service: &Service, trusted: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let mut config = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address(service)).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn assert_alive(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[tokio::test]
async fn pages_and_websockets_come_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certify(folder.path(), 90);
    let service = secure(folder.path()).start();
    let stream = connect(&service, &certificate).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    let host = format!("localhost:{}", address(&service).rsplit(':').next().unwrap());
    let answer = get("/healthz").over(stream, &host).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.header("Strict-Transport-Security"), Some("max-age=31536000"));
    let ask = async |origin: String| {
        let stream = connect(&service, &certificate).await.unwrap();
        get("/webrtc").with("Origin", &origin).over(stream, &host).await.status
    };
    assert_ne!(ask(format!("https://{host}")).await, 403);
    assert_eq!(ask(format!("http://{host}")).await, 403, "our own pages are https");
    let stream = connect(&service, &certificate).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://{host}/twilio"), stream).await.unwrap();
    socket.close(None).await.unwrap();
    // Plain HTTP finds nobody.
    let mut plain = TcpStream::connect(address(&service)).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_into_use_and_nobody_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path(), 90);
    let service = secure(folder.path()).start();
    let mut before = connect(&service, &first).await.unwrap();
    assert_alive(&mut before).await;

    let second = certify(folder.path(), 90);
    let deadline = Instant::now() + Duration::from_secs(60);
    while connect(&service, &second).await.is_err() {
        assert!(Instant::now() < deadline, "the new certificate is not seen:\n{}", service.log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(connect(&service, &first).await.is_err(), "the old one is gone");

    // One that cannot be used leaves the one from before; asked to look, the server says so at once.
    std::fs::write(folder.path().join("tls.key"), "half a k").unwrap();
    service.hang_up();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !service.log().contains("the changed TLS certificate cannot be used") {
        assert!(Instant::now() < deadline, "{}", service.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(service.log().contains("server.tls.key"), "{}", service.log());
    connect(&service, &second).await.unwrap();
    let third = certify(folder.path(), 90);
    service.hang_up();
    let deadline = Instant::now() + Duration::from_secs(60);
    while connect(&service, &third).await.is_err() {
        assert!(Instant::now() < deadline, "{}", service.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!service.log().contains("PRIVATE KEY-----\nM"), "keys are nobody's to read");
}

#[tokio::test]
async fn a_server_with_tls_stops_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = certify(folder.path(), 90);
    let mut service = secure(folder.path()).start();
    let mut idle = connect(&service, &certificate).await.unwrap();
    assert_alive(&mut idle).await;
    service.terminate();
    assert!(service.ended().await.success(), "{}", service.log());
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_stops_the_start_and_an_old_one_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let refused = secure(folder.path()).refused();
    assert!(refused.contains("server.tls.certificate") && refused.contains("tls.crt"), "{refused}");
    certify(folder.path(), 90);
    std::fs::write(folder.path().join("tls.key"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let refused = secure(folder.path()).refused();
    assert!(refused.contains("tls.key") && refused.contains("not that of the certificate"), "{refused}");
    for (days, said) in [(-1, "the TLS certificate has expired"), (3, "the TLS certificate expires soon"), (90, "")] {
        certify(folder.path(), days);
        let log = secure(folder.path()).start().log();
        let warned = log.lines().find(|line| line.contains("WARN") && line.contains("certificate")).unwrap_or_default();
        assert!(warned.contains(said) && warned.is_empty() == said.is_empty(), "{days}: {warned}");
    }
}
