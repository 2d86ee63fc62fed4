//! Handover in Twilio's words: the verb for each kind of target, the same for every caller, and what the callbacks mean.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::{HeaderMap, Uri};
use candor::consent::{ConsentState, Purpose};
use candor::handover::{Outcome, Reason, Request, Settings, Target, TargetSettings};
use candor::transport::twilio::handover::{carries_attributes, verb, wait};
use candor::transport::twilio::signature::Gate;
use candor::transport::twilio::{PublicAddress, Webhook};
use proptest::prelude::*;
use uuid::Uuid;

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#;
const AFTER: &str = "https://bot.example.com/twilio/after";

fn target(settings: serde_json::Value) -> Target {
    let settings: TargetSettings = serde_json::from_value(settings).unwrap();
    let settings = Settings { targets: [("desk".to_owned(), settings)].into() };
    settings.check().unwrap().get("desk").unwrap().clone()
}

fn targets() -> [Target; 4] {
    [
        target(serde_json::json!({"queue": "support", "time_limit": "90s"})),
        target(serde_json::json!({"workflow": "WW0123", "priority": 5})),
        target(serde_json::json!({"number": "+31201234567", "time_limit": "25s"})),
        target(serde_json::json!({"sip": "sips:desk@pbx.example.com"})),
    ]
}

fn address() -> PublicAddress {
    PublicAddress::parse("https://bot.example.com").unwrap()
}

fn request(state: ConsentState) -> Request {
    Request {
        session: Uuid::nil(),
        target: "desk".into(),
        reason: Reason::Asked,
        language: "nl".into(),
        consent: [(Purpose::new("service-quality").unwrap(), state)].into(),
        slots: [("order_number".to_owned(), "12 & 34".to_owned())].into_iter().collect(),
    }
}

#[test]
fn each_kind_of_target_has_its_verb() {
    let [queue, workflow, number, sip] = targets();
    let verb = |target: &Target| verb(target, &request(ConsentState::Refused), &address(), Some("t0ken"));
    let body = |target: &Target| verb(target).strip_prefix(HEAD).unwrap().strip_suffix("</Response>").unwrap().to_owned();
    assert_eq!(
        body(&queue),
        format!(
            r#"<Enqueue action="{AFTER}" waitUrl="https://bot.example.com/twilio/wait?target=desk&amp;language=nl">support</Enqueue>"#
        )
    );
    let attributes = r#"{"candor":{"consent":{"service-quality":"refused"},"language":"nl","reason":"asked","session":"00000000-0000-0000-0000-000000000000","slots":{"order_number":"12 &amp; 34"}}}"#;
    assert_eq!(
        body(&workflow),
        format!(r#"<Enqueue action="{AFTER}" workflowSid="WW0123"><Task priority="5">{attributes}</Task></Enqueue>"#)
    );
    assert_eq!(
        body(&number),
        format!(
            r#"<Dial action="{AFTER}" answerOnBridge="true" timeout="25"><Number url="https://bot.example.com/twilio/whisper?token=t0ken">+31201234567</Number></Dial>"#
        )
    );
    let headers = "x-candor-session=00000000-0000-0000-0000-000000000000&amp;x-candor-reason=asked&amp;x-candor-language=nl&amp;x-candor-consent-service-quality=refused&amp;x-candor-slot-order-number=12%20%26%2034";
    assert_eq!(
        body(&sip),
        format!(r#"<Dial action="{AFTER}" answerOnBridge="true"><Sip>sips:desk@pbx.example.com?{headers}</Sip></Dial>"#)
    );
    assert_eq!([&queue, &workflow, &number, &sip].map(carries_attributes), [false, true, true, true]);
}

#[test]
fn refusing_callers_get_the_same_verb_with_the_same_priority() {
    for target in targets() {
        let consenting = verb(&target, &request(ConsentState::Given), &address(), Some("t"));
        for state in [ConsentState::Refused, ConsentState::Withdrawn, ConsentState::Unknown, ConsentState::Expired] {
            let other = verb(&target, &request(state), &address(), Some("t"));
            let said_otherwise = other
                .replace(&format!(r#""service-quality":"{}""#, state.as_str()), r#""service-quality":"given""#)
                .replace(&format!("service-quality={}", state.as_str()), "service-quality=given");
            assert_eq!(said_otherwise, consenting, "the state of consent is all that differs");
        }
    }
}

#[test]
fn slots_that_do_not_fit_into_sip_headers_are_left_out_and_counted() {
    let [.., sip] = targets();
    let mut request = request(ConsentState::Refused);
    for slot in 0..30 {
        request.slots.insert(format!("slot_{slot:02}"), "ä".repeat(20));
    }
    let verb = verb(&sip, &request, &address(), None);
    let headers = verb.split_once("pbx.example.com?").unwrap().1;
    let headers = headers.split_once("</Sip>").unwrap().0.replace("&amp;", "&");
    assert!(headers.len() < 1024, "{}", headers.len());
    assert!(headers.contains("x-candor-consent-service-quality=refused"));
    let slots = headers.matches("x-candor-slot-").count();
    let omitted: usize = headers.rsplit_once("x-candor-omitted=").unwrap().1.parse().unwrap();
    assert_eq!(slots + omitted, 31);
}

#[test]
fn a_queued_caller_waits_until_the_limit_and_comes_back() {
    let [queue, ..] = targets();
    let heard = wait(&queue, "nl", Duration::from_secs(85));
    assert!(heard.contains(r#"<Say language="nl-NL">Een ogenblik"#) && heard.contains(r#"<Pause length="5"/>"#), "{heard}");
    assert!(wait(&queue, "ko", Duration::ZERO).contains(r#"<Say language="en-GB">"#));
    assert_eq!(wait(&queue, "nl", Duration::from_secs(90)), format!("{HEAD}<Leave/></Response>"));
    let music = target(serde_json::json!({"queue": "q", "time_limit": "60s", "hold_music": "https://example.com/m.mp3"}));
    assert!(wait(&music, "en", Duration::ZERO).contains("<Play>https://example.com/m.mp3</Play>"));
}

fn webhook(form: &str) -> Webhook {
    let gate = Gate::new(&Default::default(), &PublicAddress::parse("http://127.0.0.1:8080").unwrap()).unwrap();
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    Webhook::read(&gate, here, &HeaderMap::new(), &Uri::from_static("/twilio/after"), form.as_bytes()).unwrap()
}

#[test]
fn every_documented_result_has_a_meaning() {
    let results = [
        ("QueueResult=bridged", Outcome::Answered),
        ("QueueResult=bridging-in-process", Outcome::Answered),
        ("QueueResult=redirected-from-bridged", Outcome::Answered),
        ("QueueResult=redirected", Outcome::Redirected),
        ("QueueResult=leave", Outcome::NoAnswer),
        ("QueueResult=hangup", Outcome::CallerLeft),
        ("QueueResult=queue-full", Outcome::QueueFull),
        ("QueueResult=error", Outcome::Failed),
        ("QueueResult=system-error", Outcome::Failed),
        ("QueueResult=novelty", Outcome::Unknown),
        ("DialCallStatus=completed&DialBridged=true", Outcome::Answered),
        ("DialCallStatus=completed", Outcome::Answered),
        ("DialCallStatus=answered", Outcome::Answered),
        ("DialCallStatus=completed&DialBridged=false", Outcome::NoAnswer),
        ("DialCallStatus=busy", Outcome::Busy),
        ("DialCallStatus=no-answer", Outcome::NoAnswer),
        ("DialCallStatus=canceled", Outcome::NoAnswer),
        ("DialCallStatus=failed", Outcome::Failed),
        ("DialCallStatus=novelty", Outcome::Unknown),
    ];
    for (result, expected) in results {
        assert_eq!(webhook(&format!("CallSid=CA1&CallStatus=in-progress&{result}")).outcome, Some(expected), "{result}");
    }
    assert_eq!(webhook("CallSid=CA1&CallStatus=completed&DialCallStatus=no-answer").outcome, Some(Outcome::CallerLeft));
    assert_eq!(webhook("CallSid=CA1&CallStatus=completed&DialCallStatus=completed").outcome, Some(Outcome::Answered));
    let stream_over = webhook("CallSid=CA1&CallStatus=in-progress");
    assert_eq!((stream_over.outcome, stream_over.in_progress), (None, true), "the stream's own action is not a result");
    assert_eq!(webhook("CallSid=CA1&QueueTime=37").queue_seconds, Some(37));
}

#[test]
fn nobody_is_dropped_while_nobody_has_answered() {
    for outcome in [Outcome::NoAnswer, Outcome::Busy, Outcome::QueueFull, Outcome::Closed, Outcome::Failed, Outcome::Unknown] {
        assert!(outcome.comes_back(), "{outcome}");
    }
    for outcome in [Outcome::Answered, Outcome::Redirected, Outcome::CallerLeft] {
        assert!(!outcome.comes_back(), "{outcome}");
    }
}

proptest! {
    #[test]
    fn whatever_a_caller_gave_the_verb_is_well_formed(name in ".{0,20}", value in ".{0,60}", language in ".{0,8}") {
        let mut request = request(ConsentState::Given);
        request.language = language;
        request.slots.insert(name, value);
        for target in targets() {
            let document = verb(&target, &request, &address(), Some("t"));
            let mut reader = quick_xml::Reader::from_str(&document);
            loop {
                match reader.read_event() {
                    Ok(quick_xml::events::Event::Eof) => break,
                    Ok(_) => {}
                    Err(error) => prop_assert!(false, "{error}: {document}"),
                }
            }
        }
    }
}
