//! Texts: there in every language, with variables that someone fills in, and sayable.

use std::collections::{BTreeMap, BTreeSet};

use serde_saphyr::Spanned;

use super::CheckInput;
use super::engine::{ABOUT_A_PURPOSE, messages, must_say};
use super::problem::{Found, Place, Problem, Span, listed, suggestion};
use crate::consent::Purpose;
use crate::dialog::file::{AState, DialogFile, Part, Step};
use crate::dialog::known::field_name;
use crate::dialog::prompt::{FIXED_VARIABLES, Hearing, Line, Message, Slots, Texts, UNDERSTOOD};

/// A prompt that a step says.
pub(super) struct Said<'a> {
    pub(super) prompt: &'a Spanned<String>,
    /// In which sub-dialog.
    pub(super) part: Option<&'a Part>,
    pub(super) step: &'a Spanned<Step>,
    /// The slot that the step itself has set when it is said.
    pub(super) after: Option<&'a str>,
}

/// Every prompt that the steps of a dialog and its sub-dialogs say. In a branch on consent or hours a name that is no state is a prompt.
pub(super) fn said(dialog: &DialogFile) -> Vec<Said<'_>> {
    let mut all = Vec::new();
    for (state, step) in dialog.every_step() {
        let mut say = |prompt, after| all.push(Said { prompt, part: state.part, step, after });
        match &step.value {
            Step::Say(prompt) => say(prompt, None),
            Step::Ask(ask) => say(&ask.prompt, None),
            Step::Collect(collect) => {
                say(&collect.prompt, None);
                collect.read_back.iter().for_each(|prompt| say(prompt, Some(collect.slot.value.as_str())));
            }
            Step::Fetch(fetch) => fetch.wait.iter().for_each(|prompt| say(prompt, None)),
            Step::OnConsent(_) | Step::OnHours(_) => {
                branch_names(&step.value).filter(|name| !is_state(dialog, state, name)).for_each(|name| say(name, None));
            }
            Step::Handover(prompt) | Step::End(prompt) => prompt.iter().for_each(|prompt| say(prompt, None)),
            Step::Choose(_) | Step::Call(_) | Step::Return(()) | Step::Go(_) => {}
        }
    }
    all
}

/// What the two branches of an `on-consent` or an `on-hours` name.
fn branch_names(step: &Step) -> impl Iterator<Item = &Spanned<String>> {
    let names = match step {
        Step::OnConsent(branch) => [branch.given.as_ref(), branch.otherwise.as_ref()],
        Step::OnHours(branch) => [branch.open.as_ref(), branch.closed.as_ref()],
        _ => [None, None],
    };
    names.into_iter().flatten()
}

pub(super) fn is_state(dialog: &DialogFile, here: AState, name: &Spanned<String>) -> bool {
    dialog.state(&dialog.named_in(&here.full_name(), &name.value)).is_some()
}

pub(super) fn check(input: &CheckInput, texts: &Texts, found: &mut Found) {
    let engine = messages();
    missing_from_engine(input, texts, &engine, found);
    missing_from_dialog(input, texts, found);
    let slots = slots(input.dialog);
    let slots: BTreeSet<&str> = slots.iter().map(String::as_str).collect();
    let said: BTreeSet<&str> = said(input.dialog).into_iter().map(|said| said.prompt.value.as_str()).collect();
    // What no step says is not looked at: dialogs may keep texts for later.
    let is_said =
        |id: &str| said.contains(id) || id.starts_with("purpose-") || engine.iter().any(|(engine_id, _)| engine_id == id);
    for language in input.languages() {
        for (id, message) in texts.messages(&language.value).filter(|(id, message)| message.spoken && is_said(id)) {
            let model = engine.iter().find(|(engine_id, _)| engine_id == id).map(|(_, model)| model);
            let known = variables(id, model.is_some(), &slots);
            let before = found.problems.len();
            for variable in message.variables.iter().filter(|variable| !known.contains(&variable.as_str())) {
                let help = suggestion(variable, "what can stand here", &known);
                let said = format!("`{id}` uses ${variable}, which nobody fills in");
                found.add(in_text("unknown-variable", id, message, format!("uses ${variable}"), said, help));
            }
            let unsaid: Vec<&str> = model.map(|model| must_say(id, model)).unwrap_or_default();
            let unsaid: Vec<&str> = unsaid.into_iter().filter(|variable| !message.variables.contains(*variable)).collect();
            if !unsaid.is_empty() {
                let said = format!("`{id}` in {} leaves out {}, which callers must be told", language.value, listed(&unsaid));
                let help = format!(
                    "write {} where it is said",
                    unsaid.iter().map(|v| format!("{{ ${v} }}")).collect::<Vec<_>>().join(" and ")
                );
                found.add(in_text("disclosure-incomplete", id, message, "incomplete".into(), said, help));
            }
            if found.problems.len() == before {
                sayable(input, texts, &language.value, id, message, found);
            }
            recorded(input, &language.value, id, message, found);
        }
    }
}

/// A problem at a message of a text file.
pub(super) fn in_text(rule: &'static str, id: &str, message: &Message, label: String, said: String, help: String) -> Problem {
    let place = Place { file: message.file.clone(), span: Span { offset: message.offset, length: id.len() }, label };
    Problem { rule, message: said, place, help, related: Vec::new() }
}

fn missing_from_engine(input: &CheckInput, texts: &Texts, engine: &[(String, Message)], found: &mut Found) {
    for language in input.languages() {
        let there = |id: &str| texts.message(&language.value, id);
        let silent = engine.iter().filter(|(id, model)| model.spoken && !there(id).is_some_and(|m| m.spoken));
        let deaf = engine.iter().filter(|(id, model)| !model.hear.is_empty() && there(id).is_none_or(|m| m.hear.is_empty()));
        let silent: Vec<&str> = silent.map(|(id, _)| id.as_str()).collect();
        let deaf: Vec<&str> = deaf.map(|(id, _)| id.as_str()).collect();
        let file = format!("{}/{}/candor.ftl", input.prompts_folder, language.value);
        if engine.iter().all(|(id, _)| there(id).is_none()) {
            let message = format!("the engine has no texts in `{}`: {file} is not there", language.value);
            let help = format!("translate prompts/en/candor.ftl to {file}, or take `{}` out of `languages`", language.value);
            found.at("missing-prompt", language, "the engine cannot say this language", message, help);
            continue;
        }
        if !silent.is_empty() {
            let message = format!("{file} lacks texts of the engine: {}", listed(&silent));
            let help = "add them; prompts/en/candor.ftl shows what each says".to_owned();
            found.at("missing-prompt", language, "not complete in this language", message, help);
        }
        if !deaf.is_empty() {
            let message = format!("{file} lacks phrases for what is always listened for: {}", listed(&deaf));
            let help = "add `.hear = one phrase | another` to each".to_owned();
            found.at("missing-phrases", language, "not complete in this language", message, help);
        }
    }
}

fn missing_from_dialog(input: &CheckInput, texts: &Texts, found: &mut Found) {
    let dialog = input.dialog;
    let mut uses: BTreeMap<&str, Said> = BTreeMap::new();
    for said in said(dialog) {
        uses.entry(&said.prompt.value).or_insert(said);
    }
    let spoken = |language: &str, id: &str| texts.message(language, id).is_some_and(|message| message.spoken);
    let file = |language: &str| format!("{}/{language}/{}.ftl", input.prompts_folder, dialog.dialog.value);
    let mut languages: Vec<&str> = Vec::new();
    for language in input.languages() {
        // A language without any text of this dialog is one problem, not a hundred.
        if uses.len() > 1 && !uses.keys().any(|id| spoken(&language.value, id)) {
            let message =
                format!("this dialog has no texts in `{}`: {} is missing or empty", language.value, file(&language.value));
            let help = format!("write {}, or take `{}` out of `languages`", file(&language.value), language.value);
            found.at("missing-prompt", language, "nothing to say in this language", message, help);
        } else {
            languages.push(&language.value);
        }
    }
    for (id, Said { prompt: used, part, step, .. }) in uses {
        let file = |language: &str| input.text_file(language, part);
        let without: Vec<&str> = languages.iter().copied().filter(|language| !spoken(language, id)).collect();
        let nowhere = without.len() == input.languages().len();
        // In a branch such a name is reported as neither a state nor a prompt.
        let branch = branch_names(&step.value).next().is_some();
        if without.is_empty() || (nowhere && branch) {
            continue;
        }
        let files: Vec<String> = without.iter().map(|language| file(language)).collect();
        let message = format!("the prompt `{id}` has no text in {}", without.join(" and "));
        let known: Vec<&str> =
            input.languages().first().into_iter().flat_map(|l| texts.messages(&l.value)).map(|(id, _)| id).collect();
        let near = super::problem::nearest(id, known).filter(|_| nowhere).map(|near| format!("did you mean `{near}`? Or "));
        let help = format!("{}write `{id} = …` in {}", near.unwrap_or_default(), files.join(" and "));
        found.enter(part);
        found.at("missing-prompt", used, "cannot be said", message, help);
    }
    found.enter(None);
}

/// The variables that hold what is known: a name for every slot and for every field of a result.
pub(super) fn slots(dialog: &DialogFile) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, step) in dialog.every_step() {
        match &step.value {
            Step::Collect(collect) => names.extend([collect.slot.value.clone()]),
            Step::Fetch(fetch) => {
                names.extend(fetch.takes.iter().map(|(field, _)| field_name(&fetch.into.value, &field.value)));
            }
            _ => {}
        }
    }
    names
}

/// What can stand in a text as a variable.
fn variables<'a>(id: &str, of_the_engine: bool, slots: &BTreeSet<&'a str>) -> Vec<&'a str> {
    if id.starts_with("purpose-") || id.starts_with("spoken-") {
        Vec::new()
    } else if ABOUT_A_PURPOSE.contains(&id) {
        FIXED_VARIABLES.to_vec()
    } else {
        let always = FIXED_VARIABLES.iter().copied().filter(|variable| !matches!(*variable, "purpose" | "days" | "place"));
        let slots = slots.iter().copied().filter(|_| !of_the_engine);
        always.chain(slots).chain(of_one_text(id)).collect()
    }
}

/// What only these texts are given: for a caller who waits for a colleague, and one who is asked which option they meant.
fn of_one_text(id: &str) -> Option<&'static str> {
    match id {
        "queue-place" => Some("place"),
        "call-back-confirm" => Some("call-back-number"),
        "option-understood" => Some(UNDERSTOOD),
        _ => None,
    }
}

/// Says the text once to whoever can be heard and once to whoever cannot: what fails here would fail in a call.
fn sayable(input: &CheckInput, texts: &Texts, language: &str, id: &str, message: &Message, found: &mut Found) {
    let mut example = Slots::default();
    for variable in message.variables.iter().filter(|variable| !FIXED_VARIABLES.contains(&variable.as_str())) {
        example.insert(variable, "1");
    }
    let about = ABOUT_A_PURPOSE.contains(&id);
    let announced = input.dialog.recording.iter().filter_map(|recorded| Purpose::new(&recorded.value.purpose.value).ok());
    let mut labelled =
        announced.filter(|purpose| texts.message(language, &format!("purpose-{purpose}")).is_some_and(|m| m.spoken));
    let purpose = about.then(|| labelled.next()).flatten();
    if about && purpose.is_none() {
        return;
    }
    for hearing in [Hearing::Voice, Hearing::Keys] {
        let line = Line {
            id: id.into(),
            language: language.into(),
            hearing,
            purpose: purpose.clone(),
            slots: texts.has_slots(language, id),
            place: Some(1),
        };
        let problem = match texts.text(input.dialog, &line, &example) {
            Ok(text) if text.trim().is_empty() => "it is empty".to_owned(),
            Ok(_) => continue,
            Err(error) => error.problem,
        };
        let said = format!("`{id}` cannot be said in {language}: {problem}");
        let help = "correct the text; a `{ name }` in it must be another text of the same language".to_owned();
        found.add(in_text("text-broken", id, message, "cannot be said".into(), said, help));
        return;
    }
}

/// A recording is always the same, so its text must be too.
fn recorded(input: &CheckInput, language: &str, id: &str, message: &Message, found: &mut Found) {
    let is_recorded = input.recorded.iter().any(|recorded| recorded.language == language && recorded.id == id);
    let varies = message.variables.iter().filter(|variable| !matches!(variable.as_str(), "organisation" | "notice"));
    let varies: Vec<&str> = varies.map(String::as_str).collect();
    if is_recorded && !varies.is_empty() {
        let said = format!("`{id}` is recorded in {language}, but its text changes with {}", listed(&varies));
        let help = format!("leave it out of the text, or take {}/{language}/{id}.wav away", input.prompts_folder);
        found.add(in_text("recorded-but-varies", id, message, "its text is its transcript".into(), said, help));
    }
}
