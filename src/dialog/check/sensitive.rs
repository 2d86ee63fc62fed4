//! Sensitive steps: what is given there is said in their own read-back alone, and is evidence of nothing.

use super::CheckInput;
use super::problem::Found;
use super::prompts::{Said, said};
use super::uses::Things;
use crate::dialog::file::Step;

const RULE: &str = "sensitive-elsewhere";

pub(super) fn check(input: &CheckInput, found: &mut Found) {
    let things = Things::of(input.dialog);
    for (state, step) in input.dialog.every_step() {
        let (sensitive, evidence) = match &step.value {
            Step::Ask(ask) => (ask.sensitive, ask.evidence_for.first().or_else(|| ask.evidence_by_answer().next())),
            Step::Collect(collect) => (collect.sensitive, collect.evidence_for.first()),
            _ => continue,
        };
        if let Some(purpose) = evidence.filter(|_| sensitive) {
            found.enter(state.part);
            let message = "a sensitive step is never kept, so it cannot be evidence of anything".to_owned();
            let help = "take `evidence-for` or `sensitive` away".to_owned();
            found.at(RULE, purpose, "never kept", message, help);
        }
    }
    if let Some(texts) = input.texts {
        for Said { prompt, part, after, .. } in said(input.dialog) {
            let tells = input.languages().into_iter().find_map(|language| {
                let variables = &texts.message(&language.value, &prompt.value)?.variables;
                let slot = variables.iter().find(|slot| things.is_sensitive(slot) && after != Some(slot.as_str()))?;
                Some((language, slot))
            });
            if let Some((language, slot)) = tells {
                let message = format!("`{}` says ${slot}, which is given at a sensitive step", prompt.value);
                let help = format!(
                    "leave ${slot} out of `{}` ({}): it can be said in the `read-back` of its own step alone",
                    prompt.value, language.value
                );
                found.enter(part);
                found.at(RULE, prompt, "says what is nobody else's business", message, help);
            }
        }
    }
    found.enter(None);
}
