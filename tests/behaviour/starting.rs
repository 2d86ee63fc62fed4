//! What is wrong with the settings is said before the long work begins, by its key; what is only unwise is said as well.

use std::net::TcpListener;

use crate::by_key::by_key;
use crate::service::{Plan, files_below, project};

/// Why it does not start. Nothing has been rendered for it.
fn refused(plan: Plan) -> String {
    let rendered = tempfile::tempdir().unwrap();
    let said = plan.with("PROMPTS__RENDERED", rendered.path().to_str().unwrap()).refused();
    assert!(files_below(rendered.path()).is_empty(), "prompts were rendered before it was said that {said}");
    said
}

#[test]
fn a_port_that_is_taken_is_told_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refused(by_key().with("SERVER__LISTEN", &address));
    assert!(said.contains(&address) && said.contains("server.listen"), "{said}");
}

#[test]
fn several_dialogs_without_a_default_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let dialog = std::fs::read_to_string(project("dialogs/webshop.yaml")).unwrap();
    std::fs::write(folder.path().join("one.yaml"), &dialog).unwrap();
    std::fs::write(folder.path().join("two.yaml"), &dialog).unwrap();
    let said = refused(by_key().with("DIALOGS__FOLDER", folder.path().to_str().unwrap()));
    assert!(said.contains("dialogs.default"), "{said}");
}

#[test]
fn settings_of_the_server_that_do_not_hold_are_named() {
    for (key, value, named) in [
        ("SERVER__PUBLIC_ADDRESS", "calls.example.com", "server.public_address"),
        ("SERVER__ALLOWED_ORIGINS", "[\"https://shop.example.com/page\"]", "server.allowed_origins"),
        ("SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/99\"]", "server.trusted_proxies"),
        ("SERVER__PROXY_HEADER", "x-real-ip", "server.proxy_header"),
        ("SERVER__LIMITS__CONNECTIONS", "10", "server.limits.connections"),
        ("SERVER__LIMITS__CALLS_PER_MINUTE", "0", "server.limits.calls_per_minute"),
        ("SERVER__LIMITS__OPENINGS_PER_SECOND", "0", "server.limits.openings_per_second"),
    ] {
        let said = refused(by_key().with(key, value));
        assert!(said.contains(named), "{key}: {said}");
    }
}

#[test]
fn plain_http_for_others_is_warned_of() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let everywhere = || by_key().with("SERVER__LISTEN", &format!("0.0.0.0:{port}"));
    let warning = "browsers give no microphone";
    let log = everywhere().start_on(port).log();
    assert_eq!(log.matches(warning).count(), 1, "{log}");
    let log = everywhere().with("SERVER__TRUSTED_PROXIES", "[\"192.0.2.1\"]").start_on(port).log();
    assert_eq!(log.matches(warning).count(), 0, "{log}");
    assert_eq!(by_key().start().log().matches(warning).count(), 0);
}
