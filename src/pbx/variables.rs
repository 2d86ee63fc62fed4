//! What travels with a caller, as channel variables of Asterisk.

use std::collections::BTreeSet;
use std::fmt;

use zeroize::Zeroizing;

use crate::handover::{Request, Target, TargetKind};

/// The longest value in bytes, as it is sent: Asterisk refuses an AMI line of more than 1024.
const LONGEST_VALUE: usize = 900;
/// The longest name, its prefix included.
const LONGEST_NAME: usize = 79;
/// How many there are at the most.
const MOST: usize = 64;

/// Channel variables `CANDOR_…`, each with the two underscores before it by which the legs that the caller's channel dials inherit it.
///
/// A value is one line of text and the same that the dialplan gets when it asks by itself: setting and reading it evaluates nothing, and a dialplan must not do that either.
/// One too long for Asterisk is left out whole and counted, since a part of a number is a wrong number.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(Vec<(String, Zeroizing<String>)>);

impl Variables {
    /// What the dialplan, the queue and the colleague may know: session, reason, language, consent and slots, and where the target lies.
    ///
    /// | variable | is |
    /// | --- | --- |
    /// | `CANDOR_SESSION`, `CANDOR_REASON`, `CANDOR_LANGUAGE`, `CANDOR_TARGET` | as in the request |
    /// | `CANDOR_CONSENT_<purpose>`, `CANDOR_SLOT_<name>` | with `_` for what a name of a variable cannot hold |
    /// | `CANDOR_NEXT` | `queue`, `number` or `sip`, and with it one of `CANDOR_QUEUE`, `CANDOR_NUMBER`, `CANDOR_SIP` |
    /// | `CANDOR_PRIORITY`, `CANDOR_TIMEOUT` | the target's; seconds, left out without a limit |
    pub fn of(request: &Request, target: Option<&Target>) -> Variables {
        let mut variables = Variables::default();
        variables.push("CANDOR_SESSION", &request.session.to_string());
        variables.push("CANDOR_REASON", request.reason.as_str());
        variables.push("CANDOR_LANGUAGE", &request.language);
        variables.push("CANDOR_TARGET", &request.target);
        if let Some(target) = target {
            let destination = match &target.kind {
                TargetKind::Queue(queue) => Some(("queue", "CANDOR_QUEUE", queue)),
                TargetKind::Number(number) => Some(("number", "CANDOR_NUMBER", number)),
                TargetKind::Sip(address) => Some(("sip", "CANDOR_SIP", address)),
                // Nothing that Asterisk could reach by itself.
                TargetKind::Workflow(_) | TargetKind::Desk => None,
            };
            if let Some((next, name, value)) = destination {
                variables.push("CANDOR_NEXT", next);
                variables.push(name, value);
            }
            variables.push("CANDOR_PRIORITY", &target.priority.to_string());
            if let Some(limit) = target.time_limit {
                variables.push("CANDOR_TIMEOUT", &limit.as_secs().to_string());
            }
        }
        for (purpose, state) in &request.consent {
            variables.push(&format!("CANDOR_CONSENT_{}", purpose.as_str()), state.as_str());
        }
        for (name, value) in request.slots.iter() {
            variables.push(&format!("CANDOR_SLOT_{name}"), value);
        }
        variables
    }

    /// One more variable.
    pub fn push(&mut self, name: &str, value: &str) {
        let value = one_line(value);
        if value.len() > LONGEST_VALUE || self.0.len() >= MOST {
            metrics::counter!("candor_pbx_variables_omitted_total").increment(1);
            return;
        }
        let name = self.free(&cleaned(name));
        self.0.push((format!("__{name}"), value));
    }

    /// The names, with their underscores, and the values, in the order in which they were put in.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name, or one with a number behind it where another was cleaned to the same.
    fn free(&self, name: &str) -> String {
        let taken: BTreeSet<&str> = self.0.iter().map(|(name, _)| name.trim_start_matches('_')).collect();
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name.as_str())).unwrap_or_default()
    }
}

/// How many there are: values are the caller's.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({} set)", self.0.len())
    }
}

/// A name that Asterisk takes for a variable and never for a function.
fn cleaned(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(LONGEST_NAME).collect()
}

/// One line of text, whatever the text: nothing in it ends a line, and Asterisk sets and reads a value without looking into it.
fn one_line(value: &str) -> Zeroizing<String> {
    let whole = |c: char| if c.is_control() || "\u{2028}\u{2029}".contains(c) { ' ' } else { c };
    let line: Zeroizing<String> = Zeroizing::new(value.chars().map(whole).collect());
    // Asterisk cuts off what is around it as well.
    Zeroizing::new(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::consent::{ConsentState, Purpose};
    use crate::handover::{Reason, Settings};

    fn request(slots: &[(&str, &str)]) -> Request {
        Request {
            session: Uuid::nil(),
            target: "service-desk".into(),
            reason: Reason::NoMatch,
            language: "nl".into(),
            consent: [(Purpose::new("service-quality").unwrap(), ConsentState::Refused)].into(),
            slots: slots.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn shown(variables: &Variables) -> Vec<String> {
        variables.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn a_request_becomes_variables_that_the_queue_and_its_members_can_read() {
        let settings: Settings = serde_json::from_value(
            serde_json::json!({"targets": {"service-desk": {"queue": "support", "priority": 5, "time_limit": "3m"}}}),
        )
        .unwrap();
        let targets = settings.check().unwrap();
        let variables = Variables::of(&request(&[("order_number", "81726354")]), targets.get("service-desk"));
        let expected = [
            "__CANDOR_SESSION=00000000-0000-0000-0000-000000000000",
            "__CANDOR_REASON=no-match",
            "__CANDOR_LANGUAGE=nl",
            "__CANDOR_TARGET=service-desk",
            "__CANDOR_NEXT=queue",
            "__CANDOR_QUEUE=support",
            "__CANDOR_PRIORITY=5",
            "__CANDOR_TIMEOUT=180",
            "__CANDOR_CONSENT_service_quality=refused",
            "__CANDOR_SLOT_order_number=81726354",
        ];
        assert_eq!(shown(&variables), expected);
        assert_eq!(format!("{variables:?}"), "Variables(10 set)");
    }

    #[test]
    fn names_that_are_cleaned_to_the_same_stay_two() {
        let variables = Variables::of(&request(&[("a-b", "1"), ("a_b", "2"), ("é)", "3")]), None);
        let slots: Vec<String> = shown(&variables).into_iter().filter(|line| line.contains("SLOT")).collect();
        assert_eq!(slots, ["__CANDOR_SLOT_a_b=1", "__CANDOR_SLOT_a_b_2=2", "__CANDOR_SLOT___=3"]);
    }

    #[test]
    fn a_value_is_one_line_and_else_as_it_was() {
        let value = |text: &str| one_line(text).to_string();
        assert_eq!(value(" Zoë van 't Hek, \"日本\" "), "Zoë van 't Hek, \"日本\"");
        assert_eq!(value("x\r\nAction: Originate\0\u{85}\u{2028}y"), "x  Action: Originate   y");
        assert_eq!(value("${SHELL(id)}"), "${SHELL(id)}");
    }

    #[test]
    fn what_is_too_long_is_left_out_whole() {
        let long = "7".repeat(LONGEST_VALUE);
        let variables = Variables::of(&request(&[("fits", &long), ("too_long", &format!("{long}8"))]), None);
        assert!(variables.iter().any(|(name, _)| name == "__CANDOR_SLOT_fits"));
        assert!(!variables.iter().any(|(name, _)| name == "__CANDOR_SLOT_too_long"));
        let mut many = Variables::default();
        (0..100).for_each(|number| many.push(&format!("CANDOR_SLOT_{number}"), "x"));
        assert_eq!(many.len(), MOST);
    }

    proptest! {
        #[test]
        fn whatever_a_caller_gave_is_one_line(text in ".*|[\\x00-\\x7f]*") {
            let line = one_line(&text);
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert_eq!(line.trim(), line.as_str());
            prop_assert_eq!(&one_line(&line), &line);
        }
    }
}
