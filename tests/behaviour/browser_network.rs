//! A network that goes away and comes back, one that does not, a server that is gone, a tab that is closed: the page explains each, and the
//! recorder stops.

use std::time::Duration;

use crate::browser::{Page, assert_true_when_shown_but_for, browser, caller, is_here, question, share_of_sound, unhurried};
use crate::by_key::by_key;
use crate::service::{Service, of_type};
use crate::udp_weather::{Relay, Weather};

/// How long a page may not notice that it is cut off, in milliseconds: what it shows is of before.
const UNSEEN: f64 = 9_000.0;

/// A call in which a turn is being recorded.
async fn recording(service: &Service) -> Page {
    let page = caller(service, browser("caller")).await;
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    page
}

/// A server behind a relay that can go dark, and the relay. Media goes that way alone; what the page asks over HTTP does not.
async fn behind_a_relay() -> (Service, Relay) {
    let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = Relay::to(server, 1).await;
    let plan = unhurried(by_key()).with("WEBRTC__LISTEN", &server.to_string());
    let service = plan.with("WEBRTC__PUBLIC_ADDRESSES", &format!("[\"{}\"]", relay.address)).start();
    (service, relay)
}

/// A call with keys in which a turn is being recorded. Without a microphone the browser hides its address, so that no way leads around
/// the relay.
async fn recording_over(service: &Service) -> Page {
    let page = browser("caller").denied().open(&service.base).await;
    page.click("#start-keys").await;
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_comes_back_goes_on_with_the_call_and_the_recorder_had_stopped() {
    if !is_here() {
        return;
    }
    let (service, relay) = behind_a_relay().await;
    let page = recording_over(&service).await;
    relay.weather(Weather::DARK);
    let events = service.wait_for_event("recorder.stopped", |_| true).await;
    assert!(of_type(&events, "session.closed").is_empty());
    page.wait_for_state("#state", "interrupted").await;
    let words = page.text("#state").await;
    assert!(words.contains("Connection interrupted") && words.contains("not known now whether"), "{words}");
    page.picture("interrupted").await;
    relay.weather(Weather::CLEAR);
    page.wait("the call", "!['interrupted', 'unknown', 'ended'].includes(document.querySelector('#state').dataset.state)").await;
    page.wait_to_hear("the agent", share_of_sound).await;
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    let events = service.closed().await;
    assert_eq!(events.last().unwrap()["outcome"], "caller-hung-up");
    assert_true_when_shown_but_for(&page, &service, &service.sessions()[0], UNSEEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_does_not_come_back_ends_the_call_on_both_sides() {
    if !is_here() {
        return;
    }
    let (service, relay) = behind_a_relay().await;
    let page = recording_over(&service).await;
    relay.weather(Weather::DARK);
    page.wait("the end", "document.querySelector('#state').dataset.state === 'ended'").await;
    let words = format!("{} {}", page.text("#state").await, page.text("#problem").await);
    assert!(words.contains("The connection was lost and did not come back"), "{words}");
    page.picture("lost").await;
    let events = service.closed().await;
    assert_eq!(events.last().unwrap()["outcome"], "connection-lost");
    assert_eq!(of_type(&events, "recorder.stopped").len(), 1);
    assert_true_when_shown_but_for(&page, &service, &service.sessions()[0], UNSEEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_stood_still_goes_on_with_the_call() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = recording(&service).await;
    page.freeze(Duration::from_secs(6)).await;
    assert_eq!(of_type(&service.events(), "recorder.stopped").len(), 1, "nobody is recorded who may be gone");
    page.wait("the call", "!['interrupted', 'unknown', 'ended'].includes(document.querySelector('#state').dataset.state)").await;
    page.wait_to_hear("the agent", share_of_sound).await;
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    service.closed().await;
    // While it stood still it could not change what it showed.
    assert_true_when_shown_but_for(&page, &service, &service.sessions()[0], UNSEEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_explained() {
    if !is_here() {
        return;
    }
    let mut service = unhurried(by_key()).start();
    let page = recording(&service).await;
    service.kill();
    page.wait("an end", "document.querySelector('#state').dataset.state === 'ended'").await;
    let words = page.text("#state").await;
    assert!(words.contains("can no longer see what the server does"), "{words}");
    page.picture("server-gone").await;
    // And no new call begins.
    page.click("#start").await;
    page.wait("explanation", "document.querySelector('#problem').checkVisibility()").await;
    let words = page.text("#problem").await;
    assert!(words.contains("cannot be reached"), "{words}");
    page.picture("explained").await;
    page.assert_no_complaints(&["net::ERR"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_tab_ends_the_call() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = recording(&service).await;
    page.close().await;
    let events = service.closed().await;
    assert_eq!(events.last().unwrap()["outcome"], "caller-hung-up");
    assert_eq!(of_type(&events, "recorder.stopped").len(), 1);
}
