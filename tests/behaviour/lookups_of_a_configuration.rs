//! What a dialog looks up and what the configuration has for it are held against each other before any caller comes, and nothing else than the
//! configuration says where lookups go.

use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use crate::asked::{Asked, Reply};
use crate::by_key::{answer, by_key, order_is_asked_for, ring};
use crate::http::count;
use crate::phone::Desk;
use crate::service::{Plan, Service, project};

/// The sample configuration without its lookups.
fn without_lookups() -> String {
    let sample = std::fs::read_to_string(project("candor.toml")).unwrap();
    let lines =
        sample.lines().filter(|line| !line.starts_with("orders_") && !line.starts_with("appointments_") && *line != "[lookups]");
    lines.collect::<Vec<_>>().join("\n")
}

/// What `candor check` says of the sample dialog with these values in the configuration.
fn checked(values: &str) -> (Output, String) {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("candor.toml");
    std::fs::write(&settings, format!("{}\n[lookups]\n{values}\n", without_lookups())).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_candor"));
    command.arg("--config").arg(&settings).arg("check").arg(project("dialogs/webshop.yaml"));
    let output = command.arg("--prompts").arg(project("prompts")).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, said)
}

#[test]
fn a_value_that_the_configuration_does_not_have_is_refused_by_line() {
    let (output, said) = checked("orders_api = 'http://127.0.0.1:1'\norders_token = 'x'");
    assert_eq!(output.status.code(), Some(0), "{said}");
    let (output, said) = checked("orders_api = 'http://127.0.0.1:1'");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("orders_token") && said.contains("webshop.yaml"), "{said}");
}

#[test]
fn the_server_does_not_start_on_a_dialog_whose_values_are_not_there_or_cannot_be_used() {
    let (dialogs, sample) = (tempfile::tempdir().unwrap(), project("dialogs/webshop.yaml"));
    let dialog = std::fs::read_to_string(sample).unwrap().replace("{orders_token}", "{another_token}");
    std::fs::write(dialogs.path().join("webshop.yaml"), dialog).unwrap();
    let said = Plan::of(dialogs.path().to_owned(), project("prompts")).refused();
    assert!(said.contains("`{another_token}` is not in the server's configuration"), "{said}");
    for (key, value, named) in [
        ("LOOKUPS__ORDERS_API", "shop.example.com", "lookups.orders_api"),
        ("LOOKUPS__ORDERS_API", "file:///etc", "lookups.orders_api"),
        ("LOOKUPS__ORDERS_TOKEN", "na\u{ef}ve\u{200b}", "lookups.orders_token"),
        ("LOOKUPS__ORDERS_TOKEN", "", "lookups.orders_token"),
        ("LOOKUPS__ORDERS_TOKEN", "1234567890", "lookups.orders_token"),
        ("LOOKUPS__X__Y", "1", "lookups.x"),
    ] {
        let said = by_key().with(key, value).refused();
        assert!(said.contains(named), "{key}: {said}");
        assert!(value.is_empty() || value == "1" || !said.contains(value), "a value is shown: {said}");
    }
}

#[test]
fn plain_http_to_another_machine_is_warned_of() {
    let warning = "lookups go over plain HTTP to another machine";
    let service = by_key().with("LOOKUPS__ORDERS_API", "http://shop.example.com").start();
    assert_eq!(service.log().matches(warning).count(), 1, "{}", service.log());
    assert!(!service.log().contains("shop.example.com"), "{}", service.log());
    assert_eq!(by_key().start().log().matches(warning).count(), 0);
}

/// A caller asks for an order, and is helped.
async fn asks(service: &Service) {
    let desk = Desk::Answers { after: Duration::from_millis(200), talks: Duration::from_millis(200) };
    let (call, session) = ring(service, service.caller().desk(desk)).await;
    answer(&call, "2").await;
    order_is_asked_for(&call, "1001").await;
    call.wait_for_turn(Duration::from_millis(700)).await.ok();
    // With the order said, or with a colleague.
    call.press("0").await.ok();
    call.outcome().await;
    service.closed_of(&session).await;
}

fn shipped() -> Reply {
    Reply::Json(json!({ "status": "shipped", "day": "tuesday", "pieces": 2 }))
}

#[tokio::test]
async fn no_proxy_is_taken_from_the_environment() {
    let (shop, proxy) = (Asked::answering([shipped()]).await, Asked::answering([shipped()]).await);
    let mut plan = by_key().with("LOOKUPS__ORDERS_API", &shop.address);
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        plan = plan.environment(name, &proxy.address);
    }
    let service = plan.start();
    asks(&service).await;
    assert_eq!((shop.requests().len(), proxy.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_certificate_counts_when_the_machine_trusts_it() {
    let parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let private = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = config.with_single_cert(vec![certificate.der().clone()], private.into()).unwrap();
    let shop = Asked::over_tls(TlsAcceptor::from(Arc::new(config)), shipped()).await;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, certificate.pem()).unwrap();

    let service = by_key().with("LOOKUPS__ORDERS_API", &shop.address).start();
    asks(&service).await;
    assert!(shop.requests().is_empty());
    assert_eq!(count(&service, "candor_lookups_total{outcome=\"unreachable\"}").await, 1.0);

    let plan = by_key().with("LOOKUPS__ORDERS_API", &shop.address);
    let service = plan.environment("SSL_CERT_FILE", trusted.to_str().unwrap()).start();
    asks(&service).await;
    assert_eq!(shop.requests().len(), 1);
    assert_eq!(count(&service, "candor_lookups_total{outcome=\"found\"}").await, 1.0);
}
