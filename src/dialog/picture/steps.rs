//! Steps: what each puts on the card of its state, and the ways that lead out of it.

use serde_saphyr::Spanned;

use super::measure::first_words;
use super::plan::{Exit, Goal, Kind, Manner, Mark, Plan, Row, Words};
use super::said::Said;
use super::states::Cards;
use crate::dialog::file::{Ask, Choose, Collect, Fetch, OnConsent, OnHours, Step, Tries};
use crate::dialog::spoken::Form;

/// As many characters of a condition as a label shows.
const CONDITION: usize = 70;

/// One state while it is drawn.
pub(super) struct Drawing<'a> {
    plan: &'a mut Plan,
    said: Said<'a>,
    cards: &'a Cards,
    /// The state's name across files, and its card.
    state: &'a str,
    card: usize,
    /// The ways out of this state, once something leads there: each state has its own, so that no line crosses the picture for them.
    person: Option<usize>,
    end: Option<usize>,
    back: Option<usize>,
}

impl<'a> Drawing<'a> {
    pub(super) fn new(plan: &'a mut Plan, said: Said<'a>, cards: &'a Cards, state: &'a str, card: usize) -> Drawing<'a> {
        Drawing { plan, said, cards, state, card, person: None, end: None, back: None }
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Say(prompt) => self.row(Row::new("says", self.said.prompt(&prompt.value))),
            Step::Ask(ask) => self.ask(ask),
            Step::Collect(collect) => self.collect(collect),
            Step::OnConsent(branch) => self.on_consent(branch),
            Step::Fetch(fetch) => self.fetch(fetch),
            Step::Choose(choose) => self.choose(choose),
            Step::OnHours(branch) => self.on_hours(branch),
            Step::Call(part) => self.call(part),
            Step::Return(()) => {
                let back = self.back();
                self.tie(back, Manner::Plain, []);
            }
            Step::Go(state) => {
                let to = self.named(state);
                self.tie(to, Manner::Plain, []);
            }
            Step::Handover(prompt) => {
                let said = prompt.as_ref().map_or_else(String::new, |prompt| self.said.prompt(&prompt.value));
                self.row(Row::new("hands over", said));
                let person = self.person();
                self.tie(person, Manner::Plain, []);
            }
            Step::End(prompt) => {
                let id = prompt.as_ref().map_or("goodbye", |prompt| prompt.value.as_str());
                self.row(Row::new("ends", self.said.prompt(id)));
                let end = self.end();
                self.tie(end, Manner::Plain, []);
            }
        }
    }

    fn ask(&mut self, ask: &Ask) {
        let barge_in = (!ask.barge_in).then(|| Mark::Note("cannot be interrupted".into()));
        let by_answer = ask.options.iter().flat_map(|(name, choice)| {
            choice.evidence_for.iter().map(|purpose| Mark::Evidence(format!("{}, if {}", purpose.value, name.value)))
        });
        let marks = special(ask.sensitive, &ask.evidence_for).chain(by_answer).chain(barge_in);
        self.row(Row::new("asks", self.said.prompt(&ask.prompt.value)).marked(marks));
        for (name, choice) in ask.options.iter() {
            let to = self.named(&choice.go);
            self.tie(to, Manner::Plain, [Words::with_key(choice.press.value.as_str(), name.value.as_str())]);
        }
        self.failures(&ask.no_input, &ask.no_match);
    }

    fn collect(&mut self, collect: &Collect) {
        let form = collect.form().map_or_else(|| "something".to_owned(), Form::in_words);
        let valid = collect.valid.as_ref().map(|valid| format!(", {} test", valid.value)).unwrap_or_default();
        let kept_as = Mark::Note(format!("{form}{valid} → ‹{}›", collect.slot.value));
        let marks = std::iter::once(kept_as).chain(special(collect.sensitive, &collect.evidence_for));
        self.row(Row::new("takes", self.said.prompt(&collect.prompt.value)).marked(marks));
        if let Some(read_back) = &collect.read_back {
            self.row(Row::new("reads back", self.said.prompt(&read_back.value)));
        }
        self.failures(&collect.no_input, &collect.no_match);
    }

    fn on_consent(&mut self, branch: &OnConsent) {
        let purpose = &branch.purpose.value;
        for (name, manner, word) in [(&branch.given, Manner::Given, "given"), (&branch.otherwise, Manner::NotGiven, "not given")]
        {
            let Some(name) = name else { continue };
            match self.known(&name.value) {
                Some(to) => self.tie(to, manner, [Words::new(format!("{purpose}: {word}"))]),
                None => self.row(Row::new(word, self.said.prompt(&name.value)).in_manner(manner)),
            }
        }
    }

    fn on_hours(&mut self, branch: &OnHours) {
        let of = &branch.of.value;
        let hours = self.said.file.opening_hours.get(of).map(|hours| {
            let closed = match hours.value.closed.len() {
                0 => String::new(),
                1 => ", 1 day closed".into(),
                days => format!(", {days} days closed"),
            };
            format!("{}, {}{closed}", hours.value.hours.value, hours.value.time_zone.value)
        });
        self.row(Row::new("hours", format!("{of}: {}", hours.unwrap_or_else(|| "not there".into()))));
        for (name, word) in [(&branch.open, "open"), (&branch.closed, "closed")] {
            let Some(name) = name else { continue };
            match self.known(&name.value) {
                Some(to) => self.tie(to, Manner::Plain, [Words::new(format!("{of}: {word}"))]),
                None => self.row(Row::new(format!("if {word}"), self.said.prompt(&name.value))),
            }
        }
    }

    fn fetch(&mut self, fetch: &Fetch) {
        let wait = fetch.wait.as_ref().map_or_else(String::new, |wait| self.said.prompt(&wait.value));
        let sent: Vec<String> = fetch.send.iter().map(|name| name.value.clone()).collect();
        let taken: Vec<String> = fetch.takes.iter().map(|(field, _)| format!("‹{}_{}›", fetch.into.value, field.value)).collect();
        let traffic = format!("sends {}; takes {}", listed(&sent), listed(&taken));
        self.row(Row::new("looks up", wait).marked([Mark::Note(traffic)]));
        if let Some(missing) = &fetch.missing {
            let to = self.named(missing);
            self.tie(to, Manner::Plain, [Words::new("there is none")]);
        }
        let tries = fetch.retries() + 1;
        let to = self.named(&fetch.failed);
        self.tie(to, Manner::Quiet, [Words::new(format!("lookup fails, {tries}×"))]);
    }

    fn choose(&mut self, choose: &Choose) {
        for branch in &choose.0 {
            let branch = &branch.value;
            if let (Some(when), Some(go)) = (&branch.when, &branch.go) {
                let to = self.named(go);
                self.tie(to, Manner::Plain, [Words::new(format!("if {}", first_words(when.value.source(), CONDITION)))]);
            }
            if let Some(otherwise) = &branch.otherwise {
                let to = self.named(otherwise);
                self.tie(to, Manner::Plain, [Words::new("otherwise")]);
            }
        }
    }

    /// A sub-dialog stands in the picture once, whoever calls it; what comes after the call is on the rest of this card.
    fn call(&mut self, part: &Spanned<String>) {
        self.row(Row::new("runs", format!("the sub-dialog {}, then goes on here", part.value)));
        let start = self.said.file.start_of_part(&part.value).and_then(|name| self.cards.get(&name).copied());
        let to = start.unwrap_or_else(|| self.plan.card(Kind::Missing, part.value.as_str(), None));
        self.tie(to, Manner::Call, [Words::new("runs it, and goes on")]);
    }

    /// What happens when nothing comes, and when nothing fits: one line where both lead to the same place.
    fn failures(&mut self, no_input: &Tries, no_match: &Tries) {
        let (silent, other) = (&no_input.then.value, &no_match.then.value);
        let times = no_input.tries.value;
        if silent == other && times == no_match.tries.value {
            return self.way_out(&no_input.then, format!("silent or not understood, {times}×"));
        }
        self.way_out(&no_input.then, format!("silent, {times}×"));
        self.way_out(&no_match.then, format!("not understood, {}×", no_match.tries.value));
    }

    /// `handover`, `end` or a state. Nearly every question leads to a person in the end: told on the card, since so many lines would hide
    /// those that differ.
    fn way_out(&mut self, then: &Spanned<String>, words: String) {
        let (manner, words) = (Manner::Quiet, vec![Words::new(words)]);
        let to = match then.value.as_str() {
            "handover" => Goal::Person(self.said.file.handover.value.to.value.clone()),
            "end" => Goal::End,
            _ => {
                let to = self.named(then);
                return self.tie(to, manner, words);
            }
        };
        self.plan.exit(self.card, Exit { manner, words, to });
    }

    fn row(&mut self, row: Row) {
        self.plan.row(self.card, row);
    }

    fn tie(&mut self, to: usize, manner: Manner, words: impl IntoIterator<Item = Words>) {
        self.plan.tie(self.card, to, manner, words);
    }

    fn person(&mut self) -> usize {
        let name = format!("a person: {}", self.said.file.handover.value.to.value);
        let frame = self.frame();
        *self.person.get_or_insert_with(|| self.plan.card(Kind::Person, name, frame))
    }

    fn end(&mut self) -> usize {
        let frame = self.frame();
        *self.end.get_or_insert_with(|| self.plan.card(Kind::End, "the end", frame))
    }

    fn back(&mut self) -> usize {
        let frame = self.frame();
        *self.back.get_or_insert_with(|| self.plan.card(Kind::Back, "back", frame))
    }

    fn frame(&self) -> Option<usize> {
        self.plan.cards.get(self.card).and_then(|card| card.frame)
    }

    /// The card of a state that is named here, if there is one.
    fn known(&self, name: &str) -> Option<usize> {
        self.cards.get(&self.said.file.named_in(self.state, name)).copied()
    }

    /// The same; where there is none, a card that says so.
    fn named(&mut self, name: &Spanned<String>) -> usize {
        match self.known(&name.value) {
            Some(card) => card,
            None => {
                let frame = self.frame();
                self.plan.card(Kind::Missing, name.value.as_str(), frame)
            }
        }
    }
}

/// What is special about a turn.
fn special(sensitive: bool, evidence_for: &[Spanned<String>]) -> impl Iterator<Item = Mark> {
    let evidence = evidence_for.iter().map(|purpose| Mark::Evidence(purpose.value.clone()));
    sensitive.then_some(Mark::Sensitive).into_iter().chain(evidence)
}

/// Names one after the other; a long list is cut.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names.len() {
        0 => "nothing".into(),
        count if count > SHOWN + 1 => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        _ => names.join(", "),
    }
}
