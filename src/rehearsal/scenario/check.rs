//! Holds the names in a scenario file against its dialog, so that a slip of the pen is a problem of the file, not of the call.

use std::collections::BTreeSet;

use super::file::{Answer, Scenario, ScenarioFile, Step};
use super::holds::{Holds, duration};
use super::play::languages;
use super::story::is_piece;
use super::terms::{Keeps, OneOrMore, Placed, Prompts};
use crate::dialog::SharedDialog;
use crate::dialog::check::{Place, Problem, Span, suggestion};
use crate::dialog::file::{Entries, Step as DialogStep};
use crate::rehearsal::{Answered, moment};

/// The rule that a name in a scenario file breaks.
const RULE: &str = "scenario-does-not-fit";

/// Everything in `file` that means nothing to `dialog`. `name` is the file's, as an author would recognise it.
pub fn check(name: &str, file: &ScenarioFile, dialog: &SharedDialog) -> Vec<Problem> {
    let mut found = Found { file: name, dialog, problems: Vec::new() };
    if file.scenarios.0.is_empty() {
        let help = "write `NAME: { call: […] }` under `scenarios`".to_owned();
        found.add(file.dialog.span(), "no scenario", "there is no scenario in this file".to_owned(), help);
    }
    file.usually.allows.iter().for_each(|prompt| found.prompt(&prompt.value, prompt.span()));
    found.lookups(&file.usually.lookups);
    found.moment(file.usually.at.as_ref());
    for (_, scenario) in file.scenarios.iter() {
        found.scenario(file, scenario);
    }
    found.problems
}

struct Found<'a> {
    file: &'a str,
    dialog: &'a SharedDialog,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn add(&mut self, span: Span, label: &str, message: String, help: String) {
        let place = Place { file: self.file.to_owned(), span, label: label.to_owned() };
        self.problems.push(Problem { rule: RULE, message, place, help, related: Vec::new() });
    }

    fn scenario(&mut self, file: &ScenarioFile, scenario: &Scenario) {
        let languages = languages(file, scenario, self.dialog);
        for (language, at) in &languages {
            self.language(language, *at);
        }
        scenario.allows.iter().for_each(|prompt| self.prompt(&prompt.value, prompt.span()));
        self.lookups(&scenario.lookups);
        self.moment(scenario.at.as_ref());
        let by_answer = scenario.each_answer.is_some();
        for step in &scenario.call {
            self.step(step, &languages, by_answer);
        }
        if let Some(then) = &scenario.then {
            self.holds(&then.value, by_answer);
        }
        let uses_each = scenario.call.iter().any(|step| matches!(step.value, Step::Opening(Answer::Each)));
        if let Some(answers) = &scenario.each_answer {
            if !uses_each {
                let message = "`each-answer` gives its answers to nobody".to_owned();
                self.add(answers.span(), "not used", message, "begin the call with `- opening: each`".to_owned());
            }
            if answers.value.is_empty() || answers.value.contains(&Answer::Each) {
                let help = "write `[given, refused, silence, unclear, withdrawn]`, or some of them".to_owned();
                self.add(answers.span(), "no answers", "these are not answers to the question about recording".to_owned(), help);
            }
        }
    }

    fn step(&mut self, step: &Placed<Step>, languages: &[(String, Span)], by_answer: bool) {
        match &step.value {
            Step::Hear(prompts) => {
                for (prompt, at) in prompts.value.each(prompts.span()) {
                    self.heard(prompt, at, by_answer);
                }
            }
            Step::HearPartOf(prompt) => self.prompt(&prompt.value, prompt.span()),
            Step::Opening(Answer::Each) if !by_answer => {
                let help = "write `each-answer: [given, refused, …]` in this scenario, or one answer here".to_owned();
                self.add(
                    step.span(),
                    "which answers?",
                    "`each` stands for the answers of `each-answer`, and there are none".to_owned(),
                    help,
                );
            }
            Step::Press(keys) => {
                let pressed: Vec<char> = keys.value.chars().filter(|c| !c.is_whitespace()).collect();
                if pressed.is_empty() || pressed.iter().any(|c| !c.is_ascii_digit() && !matches!(c, '*' | '#')) {
                    let help = "write the keys of a telephone: `1`, `4711#`, or in quotes `\"*9\"`".to_owned();
                    self.add(keys.span(), "not keys", format!("`{}` cannot be pressed on a telephone", keys.value), help);
                }
            }
            Step::Say(words) => {
                let missing =
                    languages.iter().find(|(language, _)| words.value.of(language).is_none_or(|said| said.trim().is_empty()));
                if let Some((language, _)) = missing {
                    let help = format!("write `say: {{ {language}: … }}`, with the words for every language of the scenario");
                    self.add(words.span(), "no words", format!("there is nothing to say here in `{language}`"), help);
                } else if languages.len() > 1 && matches!(words.value, super::Words::One(_)) {
                    let names: Vec<String> = languages.iter().map(|(language, _)| format!("{language}: …")).collect();
                    let message = "the scenario is told in several languages, and these words are of one".to_owned();
                    self.add(words.span(), "in which?", message, format!("write `say: {{ {} }}`", names.join(", ")));
                }
            }
            Step::Wait(time) | Step::GoneFor(time) => self.duration(time),
            Step::Language(language) => self.language(&language.value, language.span()),
            Step::Holds(holds) => self.holds(&holds.value, by_answer),
            Step::Opening(_) | Step::Mumble | Step::Silence | Step::Button(_) | Step::Colleague(_) | Step::HangUp => {}
        }
    }

    fn heard(&mut self, prompts: &Prompts, at: Span, by_answer: bool) {
        for prompt in prompts.all() {
            self.prompt(prompt, at);
        }
        if prompts.differs() && !by_answer {
            self.by_answer(at);
        }
    }

    fn by_answer(&mut self, at: Span) {
        let help = "write what this caller gets, or tell the scenario for several with `each-answer`".to_owned();
        self.add(at, "given or not?", "`given` and `otherwise` belong to a scenario with `each-answer`".to_owned(), help);
    }

    fn holds(&mut self, holds: &Holds, by_answer: bool) {
        for (purpose, _) in holds.consent.iter().flat_map(|purposes| purposes.iter()) {
            let known: Vec<&str> = self.dialog.file.recording.iter().map(|r| r.value.purpose.value.as_str()).collect();
            self.known(&purpose.value, Span::of(&purpose.referenced), "purpose", &known);
        }
        if let Some(keeps) = &holds.keeps {
            for keep in keeps.value.all() {
                if let Keeps::Prompts(prompts) = keep {
                    prompts.iter().for_each(|prompt| self.prompt(prompt, keeps.span()));
                }
            }
            if keeps.value.differs() && !by_answer {
                self.by_answer(keeps.span());
            }
        }
        for (slot, _) in holds.slots.iter().flat_map(|slots| slots.iter()) {
            let known = self.slots();
            self.known(&slot.value, Span::of(&slot.referenced), "slot", &known.iter().map(String::as_str).collect::<Vec<_>>());
        }
        for (prompt, _) in holds.said.iter().flat_map(|said| said.iter()) {
            self.prompt(&prompt.value, Span::of(&prompt.referenced));
        }
        if let Some(within) = &holds.within {
            self.duration(within);
        }
        if let Some(state) = &holds.state {
            let known: Vec<String> = self.dialog.file.every_state().map(|state| state.full_name()).collect();
            self.known(&state.value, state.span(), "state", &known.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }

    /// Each result is looked up somewhere, and what is answered has fields that the dialog takes, in their kinds.
    fn lookups(&mut self, lookups: &Entries<Placed<OneOrMore<Answered>>>) {
        let dialog = self.dialog;
        let fetches = || {
            dialog
                .file
                .every_step()
                .filter_map(|(_, step)| if let DialogStep::Fetch(fetch) = &step.value { Some(fetch) } else { None })
        };
        for (result, answered) in lookups.iter() {
            let known: Vec<&str> = fetches().map(|fetch| fetch.into.value.as_str()).collect();
            self.known(&result.value, Span::of(&result.referenced), "result", &known);
            let taken: Vec<(&str, &str)> = fetches()
                .filter(|fetch| fetch.into.value == result.value)
                .flat_map(|fetch| fetch.takes.iter().map(|(field, kind)| (field.value.as_str(), kind.value.as_str())))
                .collect();
            for (answered, at) in answered.value.each(answered.span()) {
                let Answered::Values(values) = answered else { continue };
                for (field, value) in values {
                    self.field(&result.value, field, value, &taken, at);
                }
            }
        }
    }

    fn field(&mut self, result: &str, field: &str, value: &serde_json::Value, taken: &[(&str, &str)], at: Span) {
        let Some((_, kind)) = taken.iter().find(|(name, _)| *name == field) else {
            let known: Vec<&str> = taken.iter().map(|(name, _)| *name).collect();
            let message = format!("nothing takes `{field}` from `{result}`");
            return self.add(at, "not taken", message, suggestion(field, "what is taken", &known));
        };
        let fits = match *kind {
            "text" => value.is_string(),
            "flag" => value.is_boolean(),
            _ => value.is_number(),
        };
        if !fits {
            let help = "write a text in quotes, a flag as `true` or `false`, a number without quotes".to_owned();
            self.add(at, "another kind", format!("`{field}` of `{result}` is a {kind}"), help);
        }
    }

    fn moment(&mut self, at: Option<&Placed<String>>) {
        if let Some(at) = at.filter(|at| moment(&at.value, &self.dialog.file).is_none()) {
            let help = "write a day and a time: `fri 21:00`, `2026-12-25 10:00`".to_owned();
            self.add(at.span(), "not a moment", format!("`{}` is no moment", at.value), help);
        }
    }

    fn slots(&self) -> BTreeSet<String> {
        let steps = self.dialog.file.states.iter().flat_map(|(_, steps)| &steps.value);
        steps
            .filter_map(
                |step| if let DialogStep::Collect(collect) = &step.value { Some(collect.slot.value.clone()) } else { None },
            )
            .collect()
    }

    fn prompt(&mut self, prompt: &str, at: Span) {
        if is_piece(prompt) {
            return;
        }
        let dialog = self.dialog;
        let languages = dialog.file.languages.iter();
        let known: BTreeSet<&str> = languages
            .flat_map(|language| dialog.texts.messages(&language.value))
            .filter(|(_, message)| message.spoken)
            .map(|(id, _)| id)
            .collect();
        self.known(prompt, at, "prompt", &known.into_iter().collect::<Vec<_>>());
    }

    fn language(&mut self, language: &str, at: Span) {
        let known: Vec<&str> = self.dialog.file.languages.iter().map(|language| language.value.as_str()).collect();
        self.known(language, at, "language", &known);
    }

    fn known(&mut self, name: &str, at: Span, kind: &str, known: &[&str]) {
        if !known.contains(&name) {
            let dialog = &self.dialog.file.dialog.value;
            let message = format!("`{dialog}` has no {kind} `{name}`");
            self.add(at, &format!("no such {kind}"), message, suggestion(name, &format!("its {kind}s"), known));
        }
    }

    fn duration(&mut self, time: &Placed<String>) {
        if duration(&time.value).is_none() {
            let help = "write a number and a unit, up to an hour: `2 s`, `500 ms`, `3 min`".to_owned();
            self.add(time.span(), "not a time", format!("`{}` is no length of time", time.value), help);
        }
    }
}
