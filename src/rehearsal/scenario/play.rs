use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_saphyr::Spanned;

use super::file::{Answer, Hears, Scenario, ScenarioFile};
use super::story::Story;
use super::terms::{OneOrMore, Placed};
use super::verdict::Verdict;
use crate::dialog::SharedDialog;
use crate::dialog::check::Span;
use crate::rehearsal::{A_MORNING, Answered, Around, Senses, World, moment};

/// One telling of a story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// In this language.
    pub language: String,
    /// With this answer for `opening: each`.
    pub answer: Option<Answer>,
}

impl Once {
    /// What tells it from the other tellings: ` (nl, refused)`, or nothing where there is one alone.
    pub fn suffix(&self, of: usize) -> String {
        match (of, self.answer) {
            (1, _) => String::new(),
            (_, None) => format!(" ({})", self.language),
            (_, Some(answer)) => format!(" ({}, {})", self.language, answer.name()),
        }
    }
}

impl Answer {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Answer::Given => "given",
            Answer::Refused => "refused",
            Answer::Silence => "silence",
            Answer::Unclear => "unclear",
            Answer::Withdrawn => "withdrawn",
            Answer::Each => "each",
        }
    }
}

/// Every telling of a story: in each of its languages, with each of its answers.
pub fn times(file: &ScenarioFile, scenario: &Scenario, dialog: &SharedDialog) -> Vec<Once> {
    let answers: Vec<Option<Answer>> = match &scenario.each_answer {
        Some(answers) => answers.value.iter().copied().map(Some).collect(),
        None => vec![None],
    };
    let languages = languages(file, scenario, dialog);
    let tellings = languages.into_iter().map(|(language, _)| language);
    tellings.flat_map(|language| answers.iter().map(move |&answer| Once { language: language.clone(), answer })).collect()
}

/// The languages of a story, each with where it stands.
pub(super) fn languages(file: &ScenarioFile, scenario: &Scenario, dialog: &SharedDialog) -> Vec<(String, Span)> {
    match scenario.language.as_ref().or(file.usually.language.as_ref()) {
        Some(written) => written.value.each(written.span()).into_iter().map(|(language, at)| (language.clone(), at)).collect(),
        None => dialog.file.languages.iter().take(1).map(|first| (first.value.clone(), Span::default())).collect(),
    }
}

/// How callers of a story are understood.
pub(super) fn hears(file: &ScenarioFile, scenario: &Scenario) -> Hears {
    scenario.hears.or(file.usually.hears).unwrap_or_default()
}

impl ScenarioFile {
    /// Whether the callers of a story are understood.
    pub fn is_heard(&self, scenario: &Scenario) -> bool {
        hears(self, scenario) == Hears::Voice
    }
}

/// What a service answers, by the name of the result; what a scenario says comes after what is usual, and wins.
fn answers((result, answered): (&Spanned<String>, &Placed<OneOrMore<Answered>>)) -> (String, Vec<Answered>) {
    let answers = answered.value.each(answered.span()).into_iter().map(|(answered, _)| answered.clone());
    (result.value.clone(), answers.collect())
}

/// Lets a story happen once. `understood`: the languages that callers are understood in where the story has a voice.
pub fn play(
    dialog: &SharedDialog,
    file: &ScenarioFile,
    scenario: &Scenario,
    once: &Once,
    understood: &BTreeSet<String>,
    senses: Box<dyn Senses>,
) -> Verdict {
    let usually = &file.usually;
    let heard = file.is_heard(scenario);
    let around = Around {
        language: once.language.clone(),
        hears: if heard { understood.clone() } else { BTreeSet::new() },
        people: scenario.people.or(usually.people).unwrap_or_default(),
        call_backs: scenario.call_backs.or(usually.call_backs).unwrap_or_default(),
        opened: moment(scenario.at.as_ref().or(usually.at.as_ref()).map_or(A_MORNING, |at| &at.value), &dialog.file)
            .unwrap_or(Timestamp::UNIX_EPOCH),
        answers: usually.lookups.iter().chain(scenario.lookups.iter()).map(answers).collect(),
    };
    let allows = scenario.allows.iter().chain(&usually.allows).map(|prompt| prompt.value.clone()).collect();
    let world = World::new(dialog.clone(), around, senses);
    Story::new(world, scenario, once, allows).tell()
}
