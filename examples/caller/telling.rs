//! Telling the call as it goes: one line for each thing that happens, with its time.

use std::time::Duration;

use crate::phone::{Call, Element, EndedBy, Event, Happening, MarkReturn, Outcome};

/// Tells everything until the call is over.
pub async fn tell(call: &Call) {
    let mut number = 0;
    while let Some(event) = call.event(number).await {
        number += 1;
        // Where a voice begins and ends to the hundredth is for measurements.
        if !matches!(event.what, Happening::AgentBegins | Happening::VoiceBegins | Happening::VoiceEnds) {
            println!("{}", line(&event));
        }
    }
}

/// Tells what remains of a call.
pub fn sum_up(outcome: &Outcome) {
    let played = outcome.marks.iter().filter(|mark| matches!(mark.returned, Some((_, MarkReturn::Played)))).count();
    let cleared = outcome.marks.iter().filter(|mark| matches!(mark.returned, Some((_, MarkReturn::Cleared)))).count();
    println!(
        "marks: {} received, {played} played, {cleared} cleared; the server was at most {} ms ahead",
        outcome.marks.len(),
        outcome.largest_backlog.as_millis()
    );
    let pace = &outcome.pace;
    println!("frames: {} received, {} late by more than 20 ms, {} holes heard", pace.frames, pace.late, pace.holes);
    match outcome.violations.as_slice() {
        [] => println!("no violation of the protocol"),
        violations => println!("{} violations of the protocol, marked with !! above", violations.len()),
    }
}

fn line(event: &Event) -> String {
    format!("{} {}", clock(event.at), words(&event.what))
}

fn clock(at: Duration) -> String {
    let tenths = at.as_millis() / 100;
    format!("{:02}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

fn seconds(length: Duration) -> String {
    format!("{:.1} s", length.as_secs_f64())
}

fn words(what: &Happening) -> String {
    match what {
        Happening::Asked(place, status) => format!("the platform asks {place}: {status}"),
        Happening::Verb(verb) => format!("verb: {}", verb_words(verb)),
        Happening::StreamOpened => "the stream is open".to_owned(),
        Happening::AgentSpeaks => "agent speaks".to_owned(),
        Happening::AgentSilent => "agent is silent".to_owned(),
        Happening::MarkReturned(number, MarkReturn::Played) => format!("mark {number} played"),
        Happening::MarkReturned(number, MarkReturn::Cleared) => format!("mark {number} cleared"),
        Happening::MarkReturned(number, MarkReturn::AtOnce) => {
            format!("mark {number} answered at once")
        }
        Happening::Cleared(length) => format!("the server clears {} that I have not heard", seconds(*length)),
        Happening::Pressed(key) => format!("I press {key}"),
        Happening::Says(length) => format!("I speak for {}", seconds(*length)),
        Happening::ServerClosed(_) => "the server closed the stream".to_owned(),
        Happening::CutOff(length) => {
            format!("   and cut itself off: {} were not heard", seconds(*length))
        }
        Happening::Desk(words) => format!("desk {words}"),
        Happening::DeskHears(words) => format!("desk hears {words:?}"),
        Happening::HungUp => "I hang up".to_owned(),
        Happening::Dropped => "my connection is gone".to_owned(),
        Happening::Violation(text) => format!("!! {text}"),
        Happening::Ended(by) => format!("the call is over: {}", ending(by)),
        // The list of happenings may grow; what is not known here is told as it is.
        #[allow(unreachable_patterns)]
        other => format!("{other:?}"),
    }
}

fn ending(by: &EndedBy) -> String {
    match by {
        EndedBy::Server => "the server ended it".to_owned(),
        EndedBy::Caller => "I hung up".to_owned(),
        EndedBy::Dropped => "my connection was dropped".to_owned(),
        EndedBy::Limit => "it reached its limit, so I hung up".to_owned(),
        EndedBy::Failure(reason) => format!("it failed: {reason}"),
        #[allow(unreachable_patterns)]
        other => format!("{other:?}"),
    }
}

fn verb_words(verb: &Element) -> String {
    match verb.name.as_str() {
        "Enqueue" => match verb.child("Task") {
            Some(task) => format!("Enqueue {}, attributes {}", verb.attribute("workflowSid").unwrap_or("?"), task.text),
            None => format!("Enqueue {}", verb.text),
        },
        // Numbers and addresses are not told: they may be someone's.
        "Dial" => match verb.children.first() {
            Some(noun) => format!("Dial a {}", noun.name),
            None => "Dial a Number".to_owned(),
        },
        "Say" => format!("Say {:?}", verb.text),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_minutes_seconds_and_tenths() {
        let event = Event { at: Duration::from_millis(74_160), what: Happening::MarkReturned(1, MarkReturn::Played) };
        assert_eq!(line(&event), "01:14.1 mark 1 played");
    }

    #[test]
    fn a_task_is_told_with_its_attributes_and_a_number_is_not_told() {
        let task = Element { name: "Task".into(), text: r#"{"reason":"asked"}"#.into(), ..Element::default() };
        let enqueue = Element {
            name: "Enqueue".into(),
            attributes: vec![("workflowSid".into(), "WW1".into())],
            children: vec![task],
            ..Element::default()
        };
        assert_eq!(words(&Happening::Verb(enqueue)), r#"verb: Enqueue WW1, attributes {"reason":"asked"}"#);
        let number = Element { name: "Number".into(), text: "+12025550100".into(), ..Element::default() };
        let dial = Element { name: "Dial".into(), children: vec![number], ..Element::default() };
        assert_eq!(words(&Happening::Verb(dial)), "verb: Dial a Number");
    }
}
