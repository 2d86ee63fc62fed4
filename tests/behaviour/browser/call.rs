//! The moves that bring a page through a call: a caller's through the opening, a colleague's to the desk.

use serde_json::Value;

use super::chromium::Browser;
use super::page::Page;
use super::truth::assert_true_when_shown;
use crate::service::{Plan, Service};

/// What the colleague of these tests signs in with.
const TOKEN: &str = "a-token-for-anna-0123456789";

/// A server whose callers are handed over to a desk, where Anna may sign in.
pub fn with_desk(plan: Plan) -> Plan {
    plan.settings(&crate::service::sample_settings()).with("DESK__COLLEAGUES__ANNA__TOKEN", TOKEN)
}

/// Opens the caller's page and calls with the microphone.
pub async fn caller(service: &Service, browser: Browser) -> Page {
    let page = browser.open(&service.base).await;
    page.click("#start").await;
    page
}

/// A server that hurries nobody: looking at a page takes longer than hearing a prompt.
pub fn unhurried(plan: Plan) -> Plan {
    let slow = [("SESSION__CONSENT_WINDOW_MS", "20000"), ("SESSION__NO_INPUT_MS", "30000"), ("WEBRTC__LISTEN", "127.0.0.1:0")];
    slow.iter().fold(plan, |plan, (key, value)| plan.with(key, value))
}

/// Waits until the consent question has been heard to its end and can be answered.
pub async fn question(page: &Page) {
    page.wait("consent question", "window.watched.asked() && document.querySelector('#yes').checkVisibility()").await;
}

/// Signs a colleague in at the desk and makes them available.
pub async fn colleague(service: &Service, browser: Browser) -> Page {
    let page = browser.open(&format!("{}/desk", service.base)).await;
    page.wait("sign-in form", "document.querySelector('#token').checkVisibility()").await;
    page.type_into("#token", TOKEN).await;
    page.click("#sign-in").await;
    page.wait("a seat", "document.querySelector('#available').checkVisibility()").await;
    page.click("#available").await;
    page.wait("availability", "document.querySelector('#available').ariaChecked === 'true'").await;
    page
}

/// The caller asks for a person and is in the queue.
pub async fn ask_for_a_person(page: &Page) {
    page.click("#person").await;
    page.wait_for_state("#state", "waiting").await;
}

/// Waits for the end of the only session, checks that its ledger verifies and that every line of the caller's page was true, and that the
/// page has nothing to complain about. Gives the ledger's events.
pub async fn finished(page: &Page, service: &Service) -> Vec<Value> {
    page.wait_for_state("#state", "ended").await;
    let events = service.closed().await;
    assert_true_when_shown(page, service, &service.sessions()[0]).await;
    page.assert_no_complaints(&[]).await;
    events
}
