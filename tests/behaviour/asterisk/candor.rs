//! The server that a test's Asterisk passes calls to.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::configuration::{PASSWORD, Places};
use super::{By, Pbx, installed};
use crate::by_key::with_keys_alone;
use crate::http;
use crate::service::{Plan, Service, sample_settings, webshop};

/// The ways on which calls reach it.
pub const WAYS: [By; 2] = [By::WebSocket, By::AudioSocket];

/// A server whose callers answer by key and whose colleagues are in a queue of Asterisk's.
pub fn plan() -> Plan {
    plan_of(webshop())
}

/// The same for another dialog.
pub fn plan_of(plan: Plan) -> Plan {
    let sample = sample_settings();
    let (before, line) = sample.split_once("\ndesk = true").expect("the sample hands over to the desk");
    let after = line.split_once('\n').map_or("", |(_, after)| after);
    with_keys_alone(plan.settings(&format!("{before}\nqueue = \"support\"\n{after}")))
}

/// Starts that server, and an Asterisk that knows it; nothing, and why, where there is no Asterisk.
pub async fn start(plan: Plan) -> Option<(Service, Pbx)> {
    start_at(plan, None).await
}

/// How orders are given.
#[derive(Clone, Copy)]
pub enum Orders {
    /// As this user of manager.conf.
    Ami(&'static str),
    Ari,
}

/// The same with orders beside the calls.
pub async fn start_with_orders(plan: Plan, orders: Orders) -> Option<(Service, Pbx)> {
    let ports = (free_port(), free_port());
    let (via, address, username) = match orders {
        Orders::Ami(username) => ("ami", format!("127.0.0.1:{}", ports.0), username),
        Orders::Ari => ("ari", format!("http://127.0.0.1:{}", ports.1), "candor"),
    };
    let plan = plan.with("ASTERISK__CONTROL__VIA", via).with("ASTERISK__CONTROL__ADDRESS", &address);
    let plan = plan.with("ASTERISK__CONTROL__USERNAME", username).with("ASTERISK__CONTROL__SECRET", PASSWORD);
    // Machines with much to do.
    start_at(plan.with("ASTERISK__CONTROL__TIME_LIMIT", "10s"), Some(ports)).await
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn start_at(plan: Plan, orders: Option<(u16, u16)>) -> Option<(Service, Pbx)> {
    installed()?;
    let audio_socket = format!("127.0.0.1:{}", free_port());
    let plan = plan.with("ASTERISK__PASSWORD", PASSWORD);
    let plan = plan.with("ASTERISK__AUDIOSOCKET__ENABLED", "true").with("ASTERISK__AUDIOSOCKET__LISTEN", &audio_socket);
    // Without marks there is no other evidence than our own pace.
    let service = plan.with("SESSION__PACED_CAN_GRANT", "true").start();
    let pbx = Pbx::start(&Places { http: http::address(&service), audio_socket, password: PASSWORD, orders }).await?;
    Some((service, pbx))
}

/// Waits until there is a session that was not there before, and gives its id.
pub async fn new_session(service: &Service, before: &[String]) -> String {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(session) = service.sessions().into_iter().find(|session| !before.contains(session)) {
            return session;
        }
        assert!(Instant::now() < deadline, "no session for the call:\n{}", service.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
