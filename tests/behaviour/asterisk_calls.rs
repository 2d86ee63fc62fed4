//! What is Asterisk's own about calls: its codecs, who may ask, what the dialplan is told where there is no session, and how a call finds its dialog.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use crate::asterisk_peer::media_start;
use crate::by_key::{
    answer, assert_clean, assert_log, by_key, next_prompt_sounds, opening, opening_hours_and_goodbye, outline, ring, then,
};
use crate::http::{Answer, count, get, post};
use crate::phone::{Asterisk, Desk, EndedBy, Format, Speaks};
use crate::service::{Plan, Service, settings_with};

const PASSWORD: &str = "a password of the dialplan's";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn plan(target: &str) -> Plan {
    by_key().settings(&settings_with(target))
}

/// With a password, so that only Asterisk's own way counts.
fn with_password() -> Plan {
    plan("queue = \"support\"").with("ASTERISK__PASSWORD", PASSWORD)
}

fn asterisk() -> Asterisk {
    Asterisk { password: Some(("asterisk".into(), PASSWORD.into())), ..Asterisk::default() }
}

async fn after(service: &Service, form: &str) -> Answer {
    post("/asterisk/after", form).with(FORM.0, FORM.1).send(service).await
}

#[tokio::test]
async fn a_call_goes_the_same_whatever_its_sound_is_carried_in() {
    let service = with_password().start();
    let codecs =
        [(Format::Alaw, Speaks::PlainText), (Format::Slin, Speaks::Json), (Format::Slin16, Speaks::PlainTextWithoutMarks)];
    for (format, speaks) in codecs {
        let (call, session) = ring(&service, service.caller().by_asterisk(Asterisk { format, speaks, ..asterisk() })).await;
        answer(&call, "2").await;
        opening_hours_and_goodbye(&call).await;
        let outcome = call.outcome().await;
        assert_clean(&service, &outcome);
        assert!(outcome.pace.holes <= 1, "{:?}", outcome.pace);
        let end = ["answer refused by 2", "consent requested to refused", "closed finished, 0 sealed"];
        assert_eq!(outline(&service.closed_of(&session).await), then(opening("nl"), &end), "{format:?}");
    }
}

#[tokio::test]
async fn a_number_and_a_language_of_the_dialplan_lead_to_dialog_and_language() {
    let routes = r#"[{number="+12025550177",dialog="webshop",language="en",transport="asterisk"},{number="+12025550178",dialog="webshop",language="en",transport="twilio"}]"#;
    let service = with_password().with("DIALOGS__ROUTES", routes).start();
    for (number, said, expected) in [
        ("+12025550177", None, "en"),
        ("+12025550178", None, "nl"),
        ("+12025550199", Some("en-GB"), "en"),
        ("+12025550177", Some("nl"), "nl"),
        ("+12025550199", Some("tlh"), "nl"),
    ] {
        let asterisk = Asterisk { language: said.map(str::to_owned), ..asterisk() };
        let (call, session) = ring(&service, service.caller().to(number).by_asterisk(asterisk)).await;
        call.wait_until_agent_speaks().await.unwrap();
        call.hang_up().await.unwrap();
        call.outcome().await;
        let story = outline(&service.closed_of(&session).await);
        assert_eq!(story[0], format!("opened {expected}"), "{number} {said:?}");
    }
}

/// Asks for the stream of a call as somebody who may or may not.
async fn upgrade(service: &Service, query: &str, headers: &[(&'static str, &str)]) -> Result<(), u16> {
    let address = service.base.replace("http://", "ws://");
    let mut request = format!("{address}/asterisk{query}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok(_) => Ok(()),
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn without_a_password_this_machine_alone_may_call_and_no_web_page() {
    let service = by_key().start();
    assert_eq!(upgrade(&service, "?call=1.1", &[]).await, Ok(()));
    assert_eq!(upgrade(&service, "?call=1.2", &[("x-forwarded-for", "192.0.2.1")]).await, Err(403));
    assert_eq!(upgrade(&service, "?call=1.2", &[("origin", "https://evil.example")]).await, Err(403));
    for query in ["", "?call=", "?call=a%20b", "?call=1.2&language=%0A"] {
        assert_eq!(upgrade(&service, query, &[]).await, Err(400), "{query}");
    }
    assert_eq!(get("/asterisk?call=1.2").send(&service).await.status, 426);
    assert_eq!(after(&service, "call=1.2").await.status, 400);
    assert_eq!(after(&service, &format!("call=1.2&status=ANSWER&x={}", "x".repeat(5000))).await.status, 413);
    assert_eq!(count(&service, "candor_asterisk_refused_total{reason=\"web-page\"}").await, 1.0);
    assert!(service.log().contains("asterisk: no password is set, so calls are taken from this machine alone"));
}

#[tokio::test]
async fn with_a_password_whoever_does_not_show_it_is_asked_for_it() {
    let service = with_password().start();
    assert_eq!(upgrade(&service, "?call=1.1", &[]).await, Err(401));
    // asterisk:a password of the dialplan'z
    let wrong = "Basic YXN0ZXJpc2s6YSBwYXNzd29yZCBvZiB0aGUgZGlhbHBsYW4neg==";
    assert_eq!(upgrade(&service, "?call=1.1", &[("authorization", wrong)]).await, Err(401));
    let answer = after(&service, "call=1.1&status=ANSWER").await;
    assert_eq!((answer.status, answer.header("WWW-Authenticate")), (401, Some("Basic realm=\"candor\"")));
    assert!(!answer.body.contains("next="));
    assert!(service.log().contains("asterisk: calls are taken from whoever shows the password"));
    assert_log(&service, &["a request to an Asterisk route was refused"]);
}

#[test]
fn settings_that_do_not_hold_are_named_at_the_start() {
    let refused = by_key().with("ASTERISK__PASSWORD", "short").refused();
    assert!(refused.contains("asterisk.password has to have 16 characters"), "{refused}");
    let refused = by_key().with("DIALOGS__ROUTES", r#"[{number="+12025550177",dialog="webshop",transport="pigeon"}]"#).refused();
    assert!(refused.contains("pigeon") && refused.contains("asterisk"), "{refused}");
}

#[tokio::test]
async fn a_target_that_asterisk_has_no_way_to_is_told_at_the_start_and_left_to_the_dialplan() {
    let service = plan("workflow = \"WW0123\"").with("ASTERISK__PASSWORD", PASSWORD).with("SESSION__MAX_CALLS", "0").start();
    let call = service.caller().by_asterisk(asterisk()).desk(Desk::Nobody { after: Duration::from_millis(50) });
    let outcome = call.ring().await.unwrap().outcome().await;
    let [first, ..] = &outcome.verbs[..] else { panic!("no answer") };
    assert_eq!(
        (first.name.as_str(), first.attribute("reason"), first.attribute("target")),
        ("", Some("capacity"), Some("service-desk"))
    );
    assert_log(&service, &["a workflow is Twilio's", "Asterisk has no way to this target", "new calls find no room"]);
}

#[tokio::test]
async fn a_call_that_is_not_known_is_rescued_where_it_was_connected_and_passed_on_where_it_never_was() {
    let service = plan("queue = \"support\"\ntime_limit = \"90s\"\npriority = 7").start();
    let told = after(&service, "call=1.1&status=ANSWER&language=en").await;
    assert_eq!((told.status, told.header("Content-Type")), (200, Some("text/plain; charset=utf-8")));
    assert!(
        told.body.starts_with("next=queue&queue=support&target=service-desk&timeout=90&priority=7&session="),
        "{}",
        told.body
    );
    assert!(told.body.ends_with("&reason=engine-failed&language=en"), "{}", told.body);
    assert_eq!(count(&service, "candor_rescues_total").await, 1.0);
    let told = after(&service, "call=1.2&status=CHANUNAVAIL").await;
    assert!(told.body.ends_with("&reason=capacity&language=nl"), "{}", told.body);
    assert_eq!(after(&service, "call=1.3&status=CANCEL").await.body, "next=hangup");
    assert_eq!(after(&service, "call=1.4&outcome=answered").await.body, "next=hangup");
    assert_eq!(after(&service, "call=1.4&outcome=no-answer").await.body, "next=hangup&reason=unavailable&language=nl");
    assert_eq!(count(&service, "candor_rescues_total").await, 1.0);
}

#[tokio::test]
async fn a_second_leg_of_a_call_that_has_the_agent_on_the_line_is_refused() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller().by_asterisk(Asterisk::default())).await;
    next_prompt_sounds(&call).await;
    assert_eq!(upgrade(&service, &format!("?call={}", call.call_sid()), &[]).await, Err(409));
    answer(&call, "2").await;
    call.hang_up().await.unwrap();
    assert_eq!(call.outcome().await.ended_by, EndedBy::Caller);
    service.closed_of(&session).await;
}

#[tokio::test]
async fn the_subprotocol_is_taken_and_a_leg_that_does_not_start_makes_room() {
    let service = by_key().with("ASTERISK__LIMITS__START", "300ms").start();
    let address = service.base.replace("http://", "ws://");
    let mut request = format!("{address}/asterisk?call=1.1").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("media"));
    let (mut socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.headers().get("Sec-WebSocket-Protocol").unwrap(), "media");
    let closed = tokio::time::timeout(Duration::from_secs(5), socket.next()).await.expect("a close").unwrap().unwrap();
    assert!(closed.into_text().unwrap().contains("MEDIA_START"));
    let (mut socket, _) = tokio_tungstenite::connect_async(format!("{address}/asterisk?call=1.1")).await.unwrap();
    let start = tokio_tungstenite::tungstenite::Message::text(media_start("ulaw", 160).to_string());
    futures_util::SinkExt::send(&mut socket, start).await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(5), socket.next()).await.expect("a command").unwrap().unwrap();
    assert_eq!(first.into_text().unwrap(), r#"{"command":"ANSWER"}"#);
}
