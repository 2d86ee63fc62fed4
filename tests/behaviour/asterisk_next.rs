//! What the dialplan is told: a line for each kind of target, the same for every caller, and safe to be read into a hash.

use candor::consent::{ConsentState, Purpose};
use candor::handover::{Reason, Request, Settings, Target, TargetSettings};
use candor::transport::asterisk::next::{agent, attributes, hand_over, hang_up, reaches, unavailable};
use proptest::prelude::*;
use uuid::Uuid;

fn target(settings: serde_json::Value) -> Target {
    let settings: TargetSettings = serde_json::from_value(settings).unwrap();
    let settings = Settings { targets: [("service-desk".to_owned(), settings)].into() };
    settings.check().unwrap().get("service-desk").unwrap().clone()
}

fn request(state: ConsentState) -> Request {
    Request {
        session: Uuid::nil(),
        target: "service-desk".into(),
        reason: Reason::Asked,
        language: "nl".into(),
        consent: [(Purpose::new("service-quality").unwrap(), state)].into(),
        slots: [("order_number".to_owned(), "81726354".to_owned())].into_iter().collect(),
    }
}

const REST: &str = "session=00000000-0000-0000-0000-000000000000&reason=asked&language=nl&consent_service-quality=refused&slot_order_number=81726354";

#[test]
fn each_kind_of_target_has_its_line() {
    let line = |settings| hand_over(&target(settings), &request(ConsentState::Refused));
    assert_eq!(
        line(serde_json::json!({"queue": "support", "time_limit": "5m", "priority": 5})),
        format!("next=queue&queue=support&target=service-desk&timeout=300&priority=5&{REST}")
    );
    assert_eq!(
        line(serde_json::json!({"number": "+31201234567"})),
        format!("next=number&number=%2B31201234567&target=service-desk&priority=0&{REST}")
    );
    assert_eq!(
        line(serde_json::json!({"sip": "sip:desk@pbx.example.com;transport=tls"})),
        format!("next=sip&sip=sip%3Adesk%40pbx.example.com%3Btransport%3Dtls&target=service-desk&priority=0&{REST}")
    );
    // Asterisk has no way there: the dialplan takes its own.
    let workflow = target(serde_json::json!({"workflow": "WW0123"}));
    assert_eq!(hand_over(&workflow, &request(ConsentState::Refused)), format!("target=service-desk&priority=0&{REST}"));
    assert!(!reaches(&workflow) && reaches(&target(serde_json::json!({"desk": true}))));
    assert_eq!((agent().as_str(), hang_up().as_str()), ("next=agent", "next=hangup"));
    assert_eq!(unavailable("nl"), "next=hangup&reason=unavailable&language=nl");
}

#[test]
fn refusing_callers_get_the_same_line_with_the_same_priority() {
    for settings in [serde_json::json!({"queue": "q", "priority": 3}), serde_json::json!({"number": "+31201234567"})] {
        let target = target(settings);
        let consenting = hand_over(&target, &request(ConsentState::Given));
        for state in [ConsentState::Refused, ConsentState::Withdrawn, ConsentState::Unknown, ConsentState::Expired] {
            let other = hand_over(&target, &request(state));
            let said_otherwise = other.replace(&format!("quality={}", state.as_str()), "quality=given");
            assert_eq!(said_otherwise, consenting, "the state of consent is all that differs");
        }
    }
}

#[test]
fn what_does_not_fit_into_a_line_is_left_out_and_counted() {
    let mut request = request(ConsentState::Refused);
    for slot in 0..40 {
        request.slots.insert(format!("slot_{slot:02}"), "ä".repeat(30));
    }
    let line = hand_over(&target(serde_json::json!({"queue": "support"})), &request);
    assert!(line.len() <= 4000, "{}", line.len());
    assert!(line.starts_with("next=queue&queue=support&") && line.contains("consent_service-quality=refused"));
    let slots = line.matches("&slot_").count();
    let omitted: usize = line.rsplit_once("&omitted=").unwrap().1.parse().unwrap();
    assert_eq!(slots + omitted, 41);
}

proptest! {
    #[test]
    fn whatever_a_caller_gave_the_line_is_read_back_and_nothing_in_it_could_be_evaluated(
        name in ".{0,20}",
        value in ".{0,60}",
        language in ".{0,8}",
    ) {
        let mut request = request(ConsentState::Given);
        request.language = language;
        request.slots.insert(name, value);
        let line = hand_over(&target(serde_json::json!({"queue": "support"})), &request);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.*&=%".contains(c);
        prop_assert!(line.chars().all(plain), "{line}");
        let read: Vec<(String, String)> = url::form_urlencoded::parse(line.as_bytes()).into_owned().collect();
        for pair in attributes(&request) {
            prop_assert!(read.contains(&pair), "{pair:?} is not in {line}");
        }
    }
}
