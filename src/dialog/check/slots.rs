//! Slots: a prompt uses one only where every way to it has set it.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::CheckInput;
use super::graph::Graph;
use super::problem::Found;
use super::prompts::{Said, said};
use crate::dialog::file::Step;
use crate::dialog::prompt::FIXED_VARIABLES;

pub(super) fn check(input: &CheckInput, graph: &Graph, found: &mut Found) {
    let (Some(texts), Some(start)) = (input.texts, graph.start) else { return };
    let steps = || input.dialog.states.iter().flat_map(|(_, steps)| &steps.value);
    let mut collected: BTreeMap<&str, &Spanned<String>> = BTreeMap::new();
    for step in steps() {
        if let Step::Collect(collect) = &step.value {
            collected.entry(&collect.slot.value).or_insert(&collect.slot);
        }
    }
    for (slot, written) in collected {
        // Where one can come without having set the slot.
        let without = graph.reach(start, |_, edge| edge.sets.as_deref() != Some(slot));
        for Said { prompt, state, step, after } in said(input.dialog) {
            let node = graph.states[state].first + step;
            let uses = |variables: &std::collections::BTreeSet<String>| variables.contains(slot);
            let used_in = input
                .languages()
                .into_iter()
                .find(|language| texts.message(&language.value, &prompt.value).is_some_and(|message| uses(&message.variables)));
            let Some(language) = used_in.filter(|_| !FIXED_VARIABLES.contains(&slot)) else { continue };
            if after == Some(slot) || !without.has(node) {
                continue;
            }
            let way = graph.in_words(&without.path(node));
            let message = format!("`{}` says ${slot}, which is not set on every way here", prompt.value);
            let help = format!(
                "unset on this way: {way}\ncollect `{slot}` before, or leave ${slot} out of `{}` ({})",
                prompt.value, language.value
            );
            let place = found.place(&written.referenced, "set here");
            found.at("slot-before-set", prompt, "says what is not known yet", message, help).related.push(place);
        }
    }
}
