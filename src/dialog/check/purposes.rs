//! Purposes: complete, readable, known where they are named (GDPR articles 5(1)(b), 5(1)(e), 6, 7 and 13).

use serde_saphyr::Spanned;

use super::problem::{Found, suggestion};
use super::{CheckInput, quality};
use crate::consent::{Basis, Purpose};
use crate::dialog::file::{OnConsent, Recorded, Step, read_basis, read_retention};

const INCOMPLETE: &str = "purpose-incomplete";
const BASES: [&str; 3] = ["consent", "contract", "legitimate-interest"];

pub(super) fn check(input: &CheckInput, found: &mut Found) {
    let dialog = input.dialog;
    for (index, recorded) in dialog.recording.iter().enumerate() {
        purpose(input, &recorded.value, found);
        let name = &recorded.value.purpose;
        let first = dialog.recording[..index].iter().find(|before| before.value.purpose.value == name.value);
        if let Some(first) = first {
            let place = found.place(&first.value.purpose.referenced, "first here");
            let message = format!("the purpose `{}` stands here twice", name.value);
            let problem = found.at(INCOMPLETE, name, "again", message, "give one of them another name, or take it away".into());
            problem.related.push(place);
        }
    }
    for (state, step) in dialog.every_step() {
        found.enter(state.part);
        match &step.value {
            Step::OnConsent(branch) => on_consent(input, step, branch, found),
            Step::Ask(ask) => {
                ask.evidence_for.iter().chain(ask.evidence_by_answer()).for_each(|purpose| evidence(input, purpose, found))
            }
            Step::Collect(collect) => collect.evidence_for.iter().for_each(|purpose| evidence(input, purpose, found)),
            _ => {}
        }
    }
}

fn purpose(input: &CheckInput, recorded: &Recorded, found: &mut Found) {
    let name = &recorded.purpose;
    if Purpose::new(&name.value).is_err() {
        let help = "write 1 to 40 of a-z, 0-9 and -, beginning with a letter, such as service-quality";
        found.at(INCOMPLETE, name, "not a name", format!("`{}` cannot name a purpose", name.value), help.into());
    } else if let Some(texts) = input.texts {
        let label = format!("purpose-{name}", name = name.value);
        let without: Vec<&str> = (input.languages().into_iter().map(|language| language.value.as_str()))
            .filter(|language| !texts.message(language, &label).is_some_and(|message| message.spoken))
            .collect();
        if !without.is_empty() {
            let message = format!("the purpose `{}` has no name to say in {}", name.value, without.join(" and "));
            let file = format!("{}/{}/{}.ftl", input.prompts_folder, without[0], input.dialog.dialog.value);
            let help = format!("write `{label} = …` in {file}, as it follows \"we record to …\" in that language");
            found.at(INCOMPLETE, name, "cannot be said", message, help);
        }
    }
    basis(input, recorded, found);
    quality::check(input, recorded, found);
    match &recorded.necessity {
        None => {
            let help = "add `necessity: why nothing less would do`, such as what notes cannot show".to_owned();
            found.at(
                INCOMPLETE,
                name,
                "without necessity",
                format!("the purpose `{}` does not say why it is necessary", name.value),
                help,
            );
        }
        Some(text) if text.value.trim().is_empty() => {
            let help = "write why nothing less would do".to_owned();
            found.at(INCOMPLETE, text, "empty", format!("the purpose `{}` does not say why it is necessary", name.value), help);
        }
        Some(_) => {}
    }
    match &recorded.retention {
        None => {
            let help = "add `retention: 30 days`".to_owned();
            found.at(
                INCOMPLETE,
                name,
                "without retention",
                format!("the purpose `{}` does not say how long it keeps", name.value),
                help,
            );
        }
        Some(text) if read_retention(&text.value).is_none() => {
            let help = "write whole days or weeks, ten years at most: `30 days`, `12 weeks`".to_owned();
            found.at(INCOMPLETE, text, "no term", format!("`{}` is no retention", text.value), help);
        }
        Some(_) => {}
    }
}

fn basis(input: &CheckInput, recorded: &Recorded, found: &mut Found) {
    const NEEDED: &str = "legitimate-interest-needs-balancing";
    let name = &recorded.purpose;
    let Some(written) = &recorded.basis else {
        let help = "add `basis: consent` (asked in every call), `basis: contract` or `basis: legitimate-interest`".to_owned();
        found.at(INCOMPLETE, name, "without a basis", format!("the purpose `{}` has no legal basis", name.value), help);
        return;
    };
    let Some(basis) = read_basis(&written.value) else {
        let help = suggestion(&written.value, "the legal bases", &BASES);
        found.at(
            INCOMPLETE,
            written,
            "not a legal basis",
            format!("`{}` is not a legal basis for recording", written.value),
            help,
        );
        return;
    };
    if basis == Basis::LegitimateInterest && recorded.bot_reason.as_ref().filter(has_words).is_none() {
        let message = format!("`{}` does not say why a machine has to record for it", name.value);
        let help = "add `bot-reason: why a person who takes notes would not do`: an interest weighs less where nobody but a machine listens";
        found.at("legitimate-interest-needs-bot-reason", written, "needs a reason", message, help.into());
    }
    match recorded.balancing.as_ref().filter(has_words) {
        None if basis == Basis::LegitimateInterest => {
            let message = format!("the legitimate interest of `{}` has not been weighed against that of the caller", name.value);
            let help =
                "add `balancing: FILE`, the document with the balancing test (GDPR article 6(1)(f)), or use `basis: consent`";
            found.at(NEEDED, written, "needs a balancing test", message, help.into());
        }
        Some(document) => is_there(input, NEEDED, document, found),
        None => {}
    }
}

/// Whether something is written there.
pub(super) fn has_words(text: &&Spanned<String>) -> bool {
    !text.value.trim().is_empty()
}

/// A document that is named as a file is there.
pub(super) fn is_there(input: &CheckInput, rule: &'static str, document: &Spanned<String>, found: &mut Found) {
    if is_file(&document.value) && input.documents.is_some_and(|exists| !exists(&document.value)) {
        let message = format!("there is no document `{}` beside this file", document.value);
        let help = "put it beside the dialog file, or write its web address or the number under which it is filed";
        found.at(rule, document, "not there", message, help.into());
    }
}

/// Whether a reference to a document names a file, rather than a web address or a number in an archive.
fn is_file(reference: &str) -> bool {
    const ENDINGS: [&str; 7] = [".md", ".txt", ".pdf", ".html", ".odt", ".docx", ".yaml"];
    !reference.contains("://") && ENDINGS.iter().any(|ending| reference.to_ascii_lowercase().ends_with(ending))
}

fn on_consent(input: &CheckInput, step: &Spanned<Step>, branch: &OnConsent, found: &mut Found) {
    match announced(input, &branch.purpose.value) {
        None => unknown(input, &branch.purpose, found),
        Some(recorded) if recorded.basis.as_ref().and_then(|b| read_basis(&b.value)) == Some(Basis::Contract) => {
            let message = format!("`{}` rests on a contract: there is no consent to branch on", branch.purpose.value);
            let help = "name a purpose that rests on consent or on a legitimate interest".to_owned();
            let place = found.place_in(None, &recorded.purpose.referenced, "announced here");
            found.at("unknown-purpose", &branch.purpose, "not asked", message, help).related.push(place);
        }
        Some(_) if branch.given.is_none() && branch.otherwise.is_none() => {
            let help = "add `given: STATE-OR-PROMPT` or `otherwise: STATE-OR-PROMPT`, or take the step away".to_owned();
            found.at(
                "on-consent-does-nothing",
                step,
                "no branch",
                "this step leads nowhere else, whatever was answered".into(),
                help,
            );
        }
        Some(_) => {}
    }
}

fn evidence(input: &CheckInput, purpose: &Spanned<String>, found: &mut Found) {
    match announced(input, &purpose.value) {
        None => unknown(input, purpose, found),
        Some(recorded) if recorded.basis.as_ref().and_then(|b| read_basis(&b.value)).is_some_and(|b| b != Basis::Contract) => {
            let message = format!("`{}` does not rest on a contract, so a turn cannot be marked as its evidence", purpose.value);
            let help = "name a purpose with `basis: contract`; the others need no mark".to_owned();
            let place = found.place_in(None, &recorded.purpose.referenced, "announced here");
            found.at("unknown-purpose", purpose, "not a contract", message, help).related.push(place);
        }
        Some(_) => {}
    }
}

fn announced<'a>(input: &CheckInput<'a>, purpose: &str) -> Option<&'a Recorded> {
    input.dialog.recording.iter().map(|recorded| &recorded.value).find(|recorded| recorded.purpose.value == purpose)
}

fn unknown(input: &CheckInput, purpose: &Spanned<String>, found: &mut Found) {
    let known: Vec<&str> = input.dialog.recording.iter().map(|recorded| recorded.value.purpose.value.as_str()).collect();
    let help = suggestion(&purpose.value, "the purposes under `recording`", &known);
    found.at("unknown-purpose", purpose, "not announced", format!("there is no purpose `{}`", purpose.value), help);
}
