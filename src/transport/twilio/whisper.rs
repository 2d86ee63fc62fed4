//! What a colleague hears from Twilio's voice before the caller is connected, where no attribute can reach them: a plain telephone.

use super::twiml::{document, say};
use crate::consent::ConsentState;
use crate::handover::{Reason, Request};

/// How many slots are read out: more would keep the caller waiting.
const SLOTS: usize = 4;
/// How much of a slot is read out, in characters.
const SLOT_CHARACTERS: usize = 60;

/// What the texts of one language say.
struct Texts {
    language: &'static str,
    caller: &'static str,
    no_recording: &'static str,
    recording_ended: &'static str,
    not_asked: &'static str,
    reason: fn(Reason) -> &'static str,
}

const DUTCH: Texts = Texts {
    language: "nl",
    caller: "Beller van de digitale assistent.",
    no_recording: "Wil geen opname.",
    recording_ended: "Stond de assistent opname toe. Die opname is gestopt.",
    not_asked: "Is niet naar opname gevraagd.",
    reason: |reason| match reason {
        Reason::Asked => "Vroeg om een medewerker.",
        Reason::NoInput => "De assistent hoorde geen antwoord.",
        Reason::NoMatch => "De assistent verstond het antwoord niet.",
        Reason::EngineFailed | Reason::Shutdown | Reason::Capacity => "De assistent is niet beschikbaar.",
        _ => "",
    },
};

const ENGLISH: Texts = Texts {
    language: "en",
    caller: "Caller from the automated assistant.",
    no_recording: "Does not want recording.",
    recording_ended: "Allowed the assistant to record. That recording has stopped.",
    not_asked: "Was not asked about recording.",
    reason: |reason| match reason {
        Reason::Asked => "Asked for a person.",
        Reason::NoInput => "The assistant heard no answer.",
        Reason::NoMatch => "The assistant did not understand the answer.",
        Reason::EngineFailed | Reason::Shutdown | Reason::Capacity => "The assistant is not available.",
        _ => "",
    },
};

/// The TwiML of a whisper for `request`, in its language where that is Dutch, else in English.
pub fn twiml(request: &Request) -> String {
    let texts = texts(&request.language);
    document([say(texts.language, spoken(request, texts))])
}

/// The TwiML where the request is no longer known: the call is connected without a word.
pub fn silent() -> String {
    document([])
}

fn texts(language: &str) -> &'static Texts {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("nl") { &DUTCH } else { &ENGLISH }
}

fn spoken(request: &Request, texts: &Texts) -> String {
    let mut parts = vec![texts.caller.to_owned(), (texts.reason)(request.reason).to_owned()];
    parts.push(consent(request, texts).to_owned());
    for (name, value) in request.slots.iter().take(SLOTS) {
        parts.push(format!("{} {}.", sentence_case(name), digits_apart(value)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// One no among several purposes is a no: the colleague has to ask.
fn consent(request: &Request, texts: &Texts) -> &'static str {
    let states = || request.consent.values();
    if states().any(|state| matches!(state, ConsentState::Refused | ConsentState::Withdrawn)) {
        texts.no_recording
    } else if states().any(|state| matches!(state, ConsentState::Unknown | ConsentState::Requested | ConsentState::Invalidated)) {
        texts.not_asked
    } else if states().next().is_some() {
        texts.recording_ended
    } else {
        ""
    }
}

/// `order_number` as it is said: `Order number`.
fn sentence_case(name: &str) -> String {
    let name = name.replace(['_', '-'], " ");
    let mut characters = name.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Digits are said one by one: `1234` would be a thousand and more.
fn digits_apart(value: &str) -> String {
    let mut said = String::new();
    let mut before = None::<char>;
    for character in value.chars().take(SLOT_CHARACTERS) {
        if character.is_ascii_digit() && before.is_some_and(|before| before.is_ascii_digit()) {
            said.push(' ');
        }
        said.push(character);
        before = Some(character);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Purpose;
    use uuid::Uuid;

    fn request(language: &str, state: ConsentState) -> Request {
        Request {
            session: Uuid::nil(),
            target: "desk".into(),
            reason: Reason::Asked,
            language: language.into(),
            consent: [(Purpose::new("service-quality").unwrap(), state)].into(),
            slots: [("order_number".to_owned(), "1234".to_owned())].into_iter().collect(),
        }
    }

    #[test]
    fn a_colleague_hears_where_the_caller_comes_from_and_what_they_want_kept() {
        let english = twiml(&request("en", ConsentState::Refused));
        let said = "Caller from the automated assistant. Asked for a person. Does not want recording. Order number 1 2 3 4.";
        assert!(english.contains(&format!(r#"<Say language="en-GB">{said}</Say>"#)), "{english}");
        let dutch = twiml(&request("nl-BE", ConsentState::Expired));
        assert!(dutch.contains(r#"<Say language="nl-NL">Beller van"#) && dutch.contains("opname is gestopt"), "{dutch}");
        assert!(twiml(&request("ko", ConsentState::Unknown)).contains("Was not asked about recording."));
    }

    #[test]
    fn one_refused_purpose_counts_as_a_no() {
        let mut request = request("en", ConsentState::Given);
        request.consent.insert(Purpose::new("training").unwrap(), ConsentState::Withdrawn);
        assert!(twiml(&request).contains("Does not want recording."));
    }

    #[test]
    fn silent_says_nothing() {
        assert!(silent().ends_with("<Response/>"));
    }
}
