//! Names: of the dialog, its languages, states, slots and options, of handover targets; and states that are named but do not exist.

use serde_saphyr::Spanned;
use unic_langid::LanguageIdentifier;
use url::Url;

use super::CheckInput;
use super::problem::{Found, suggestion};
use crate::dialog::file::{AState, DialogFile, Part, Step, Tries};
use crate::dialog::prompt::FIXED_VARIABLES;

const RULE: &str = "name-not-readable";

/// Whether a dialog can be called so: its name is the name of its text files, so `a-z`, `0-9` and `-`, beginning with a letter, 40 at most.
pub fn is_dialog_name(name: &str) -> bool {
    name != "candor" && is_name(name, "-")
}

/// The language, when it is written as BCP 47 writes it (`nl`, `nl-BE`): it is also the name of a folder.
pub fn read_language(text: &str) -> Option<LanguageIdentifier> {
    text.parse::<LanguageIdentifier>().ok().filter(|language| *language == text && text != "und")
}

pub(super) fn is_name(name: &str, also: &str) -> bool {
    name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || also.contains(c))
}

pub(super) fn check(input: &CheckInput, found: &mut Found) {
    let dialog = input.dialog;
    let name = &dialog.dialog;
    if !is_dialog_name(&name.value) {
        let help = "write 1 to 40 of a-z, 0-9 and -, beginning with a letter, such as webshop (`candor` is the engine's own)";
        found.at(RULE, name, "names the text files", format!("`{}` cannot name a dialog", name.value), help.into());
    }
    languages(dialog, found);
    organisation(dialog, found);
    for AState { part, name: state, steps } in dialog.every_state() {
        found.enter(part);
        if matches!(state.value.as_str(), "handover" | "end") {
            let message = format!("a state cannot be called `{}`: `then: {0}` already means something", state.value);
            found.at(RULE, state, "taken", message, "give the state another name".into());
        } else if !is_name(&state.value, "-_") {
            let message = format!("`{}` cannot name a state", state.value);
            found.at(RULE, state, "not a name", message, "write 1 to 40 of a-z, 0-9, - and _, beginning with a letter".into());
        }
        for step in &steps.value {
            match &step.value {
                Step::Collect(collect) => slot(&collect.slot, found),
                Step::Ask(ask) => ask.options.iter().for_each(|(option, _)| self::option(option, found)),
                _ => {}
            }
        }
    }
    found.enter(None);
    if let Some(targets) = input.configured.targets {
        let to = &dialog.handover.value.to;
        if !targets.contains(&to.value) {
            let known: Vec<&str> = targets.iter().map(String::as_str).collect();
            let help = suggestion(
                &to.value,
                &format!("add `[handover.targets.{}]` to candor.toml, or use one of its targets", to.value),
                &known,
            );
            found.at(
                "unknown-target",
                to,
                "not in the configuration",
                format!("there is no handover target `{}`", to.value),
                help,
            );
        }
    }
}

fn languages(dialog: &DialogFile, found: &mut Found) {
    const RULE: &str = "language-not-understood";
    if dialog.languages.is_empty() {
        let message = "this dialog speaks no language".to_owned();
        found.at(RULE, &dialog.dialog, "this dialog", message, "write `languages: [nl, en]`; the first is the default".into());
    }
    for (index, language) in dialog.languages.iter().enumerate() {
        let value = &language.value;
        if read_language(value).is_none() {
            let help = match value.parse::<LanguageIdentifier>() {
                Ok(understood) if value.len() > 1 => format!("write it as `{understood}`: so its folder of texts is called"),
                _ => "write a BCP 47 code: `nl`, `en`, `nl-BE`".into(),
            };
            found.at(
                RULE,
                language,
                "not a language code",
                format!("`{value}` is not a language code as BCP 47 writes it"),
                help,
            );
        } else if dialog.languages[..index].iter().any(|before| before.value == *value) {
            found.at(RULE, language, "the second time", format!("`{value}` stands here twice"), "take one away".into());
        }
    }
}

fn organisation(dialog: &DialogFile, found: &mut Found) {
    const RULE: &str = "notice-not-readable";
    let organisation = &dialog.organisation;
    if organisation.name.value.trim().is_empty() {
        let message = "the organisation has no name, so the disclosure cannot say who is speaking".into();
        found.at(RULE, &organisation.name, "empty", message, "write the name as it is to be said".into());
    }
    let url = &organisation.privacy_notice.url;
    let readable = Url::parse(&url.value).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    if !readable {
        let message = format!("`{}` is no address of a privacy notice", url.value);
        found.at(
            RULE,
            url,
            "said aloud in every call",
            message,
            "write a short web address: `url: \"https://example.org/calls\"`".into(),
        );
    }
    let version = &organisation.privacy_notice.version;
    if version.value.trim().is_empty() {
        let message = "the privacy notice has no version, so nobody could say later what callers were referred to".into();
        found.at(RULE, version, "empty", message, "write its date, such as `version: 2026-11`".into());
    }
}

fn slot(slot: &Spanned<String>, found: &mut Found) {
    let name = &slot.value;
    if FIXED_VARIABLES.contains(&name.as_str()) {
        let message = format!("a slot cannot be called `{name}`: in texts `${name}` is filled in by the engine");
        found.at(RULE, slot, "taken", message, "give the slot another name".into());
    } else if !is_name(name, "_-") {
        let help = "write 1 to 40 of a-z, 0-9, _ and -, beginning with a letter, such as order_number";
        found.at(RULE, slot, "not a name", format!("`{name}` cannot name a slot"), help.into());
    }
}

fn option(option: &Spanned<String>, found: &mut Found) {
    if !is_name(&option.value, "_-") {
        let help = "write 1 to 40 of a-z, 0-9, - and _, beginning with a letter; its phrases stand under that name in the texts";
        found.at(RULE, option, "not a name", format!("`{}` cannot name an option", option.value), help.into());
    }
}

/// Whether every state that is named exists.
pub(super) fn states(input: &CheckInput, found: &mut Found) -> bool {
    let before = found.problems.len();
    found.enter(None);
    Known::in_file(input, None).state(&input.dialog.start, found);
    for part in &input.dialog.parts {
        found.enter(Some(part));
        Known::in_file(input, Some(part)).state(&part.file.start, found);
    }
    for (state, step) in input.dialog.every_step() {
        found.enter(state.part);
        let known = Known::in_file(input, state.part);
        match &step.value {
            Step::Go(state) => known.state(state, found),
            Step::Ask(ask) => {
                known.after_tries(&ask.no_input, found);
                known.after_tries(&ask.no_match, found);
                ask.options.iter().for_each(|(_, choice)| known.state(&choice.go, found));
            }
            Step::Collect(collect) => {
                known.after_tries(&collect.no_input, found);
                known.after_tries(&collect.no_match, found);
            }
            Step::OnConsent(branch) => known.states_or_prompts(input, [&branch.given, &branch.otherwise], found),
            Step::OnHours(branch) => known.states_or_prompts(input, [&branch.open, &branch.closed], found),
            Step::Choose(choose) => {
                let named = choose.0.iter().flat_map(|branch| [&branch.value.go, &branch.value.otherwise]);
                named.flatten().for_each(|state| known.state(state, found));
            }
            Step::Fetch(fetch) => {
                std::iter::once(&fetch.failed).chain(&fetch.missing).for_each(|state| known.state(state, found));
            }
            Step::Say(_) | Step::Call(_) | Step::Return(()) | Step::Handover(_) | Step::End(_) => {}
        }
    }
    found.problems.len() == before
}

/// The states that can be named in one file.
struct Known<'a>(Vec<&'a str>);

impl<'a> Known<'a> {
    fn in_file(input: &CheckInput<'a>, part: Option<&'a Part>) -> Known<'a> {
        let states = part.map_or(&input.dialog.states, |part| &part.file.states);
        Known(states.iter().map(|(name, _)| name.value.as_str()).collect())
    }

    fn state(&self, state: &Spanned<String>, found: &mut Found) {
        if !self.0.contains(&state.value.as_str()) {
            let message = format!("there is no state `{}`", state.value);
            let help = match state.value.as_str() {
                way_out @ ("handover" | "end") => format!("lead to a state whose step is `- {way_out}:`"),
                name => suggestion(name, "the states", &self.0),
            };
            found.at("unknown-state", state, "no such state", message, help);
        }
    }

    fn after_tries(&self, tries: &Tries, found: &mut Found) {
        let state = &tries.then;
        if self.0.contains(&state.value.as_str()) || matches!(state.value.as_str(), "handover" | "end") {
            return;
        }
        let candidates: Vec<&str> = ["handover", "end"].into_iter().chain(self.0.iter().copied()).collect();
        let help = suggestion(&state.value, "what can stand here", &candidates);
        found.at("unknown-state", state, "no such state", format!("there is no state `{}`", state.value), help);
    }

    fn states_or_prompts(&self, input: &CheckInput, names: [&Option<Spanned<String>>; 2], found: &mut Found) {
        for name in names.into_iter().flatten().filter(|name| !is_prompt(input, &name.value)) {
            self.state(name, found);
        }
    }
}

/// Whether any language has a text under this name: then a name in a branch that is no state is a prompt.
fn is_prompt(input: &CheckInput, name: &str) -> bool {
    let Some(texts) = input.texts else { return true };
    input.languages().into_iter().any(|language| texts.message(&language.value, name).is_some_and(|message| message.spoken))
}
