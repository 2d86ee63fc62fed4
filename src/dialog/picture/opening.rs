//! The opening as it is played for this dialog: the engine's own, whatever the file says. What it does here is what
//! `dialog::flow::opening` does.

use super::plan::{Frame, Kind, Manner, Mark, Plan, Row, Words};
use super::said::Said;
use crate::consent::{Basis, Purpose, Terms};

/// Draws the opening; `start` is the card of the first state, where every way through it leads.
pub(super) fn plan(plan: &mut Plan, said: Said, start: usize) {
    plan.frames
        .push(Frame { title: "The opening: said by the engine in every call; no dialog changes it".into(), opening: true });
    let frame = plan.frames.len() - 1;
    let terms: Vec<Terms> = said.file.recording.iter().filter_map(|recorded| recorded.value.terms()).collect();
    let automated = plan.card(Kind::Opening, "An automated system", Some(frame));
    plan.row(automated, Row::new("says", said.prompt("disclosure-automated")));
    for language in said.file.languages.iter().map(|language| language.value.as_str()) {
        if language != said.language {
            plan.row(
                automated,
                Row::new("offers", said.other(language, "language-offer")).marked([note(&format!("in {language}"))]),
            );
        }
    }
    let recording = plan.card(Kind::Opening, "What is recorded", Some(frame));
    plan.tie(automated, recording, Manner::Plain, []);
    disclose(plan, recording, &said, &terms);
    // The ways that are open at this point of the opening, each with what the caller has answered so far.
    let mut ways = vec![(recording, Manner::Plain)];
    for terms in terms.iter().filter(|terms| terms.basis == Basis::Consent) {
        ways = question(plan, frame, &said, &terms.purpose, &ways);
    }
    for (from, manner) in ways {
        plan.tie(from, start, manner, []);
    }
}

fn disclose(plan: &mut Plan, card: usize, said: &Said, terms: &[Terms]) {
    for terms in terms {
        let text = said.about(&format!("disclosure-{}", terms.basis), &terms.purpose);
        let kept = match terms.basis {
            Basis::Consent => "only after a yes",
            Basis::Contract => "only turns marked as evidence",
            Basis::LegitimateInterest => "callers can object with *9",
        };
        plan.row(card, Row::new("says", text).marked([note(&format!("{}: {kept}", terms.purpose))]));
    }
    if terms.is_empty() {
        plan.row(card, Row::new("says", said.prompt("disclosure-nothing")).marked([note("nothing is ever recorded")]));
    } else {
        let unheard = Row::new("if cut", said.prompt("not-informed"));
        plan.row(card, unheard.in_manner(Manner::NotGiven).marked([note("not proved to be heard: nothing is recorded")]));
    }
}

/// One consent question with its ways; gives the cards where they end.
fn question(plan: &mut Plan, frame: usize, said: &Said, purpose: &Purpose, ways: &[(usize, Manner)]) -> Vec<(usize, Manner)> {
    let asked = plan.card(Kind::Opening, format!("Question: {purpose}"), Some(frame));
    plan.row(asked, Row::new("asks", said.about("consent-question", purpose)));
    for (from, manner) in ways {
        plan.tie(*from, asked, *manner, []);
    }
    let again = plan.card(Kind::Opening, "Asked once more", Some(frame));
    plan.row(again, Row::new("asks", said.prompt("consent-reask")));
    let given = plan.card(Kind::Opening, format!("Recorded: {purpose}"), Some(frame));
    plan.row(given, Row::new("given", said.prompt("consent-given")).in_manner(Manner::Given));
    let refused = plan.card(Kind::Opening, format!("Not recorded: {purpose}"), Some(frame));
    plan.row(refused, Row::new("not given", said.prompt("consent-refused")).in_manner(Manner::NotGiven));
    plan.tie(asked, given, Manner::Given, [Words::with_key("1", "yes: given")]);
    plan.tie(asked, again, Manner::Quiet, [Words::new("unclear or silent")]);
    plan.tie(asked, refused, Manner::NotGiven, [Words::with_key("2", "no: not given")]);
    plan.tie(again, given, Manner::Given, [Words::with_key("1", "yes: given")]);
    plan.tie(again, refused, Manner::NotGiven, [Words::with_key("2", "no, unclear or silent: not given")]);
    vec![(given, Manner::Given), (refused, Manner::NotGiven)]
}

fn note(words: &str) -> Mark {
    Mark::Note(words.to_owned())
}
