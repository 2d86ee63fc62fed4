//! What is known: a prompt, a lookup or a condition uses a slot or a result only where every way to it has set it.

use serde_saphyr::{Location, Spanned};

use super::CheckInput;
use super::graph::{Graph, Reached};
use super::problem::{Found, Problem};
use super::prompts::{Said, said};
use super::uses::{Thing, Things, needs};
use crate::dialog::file::{Part, Step};
use crate::dialog::known::field_name;
use crate::dialog::prompt::FIXED_VARIABLES;

const RULE: &str = "slot-before-set";

pub(super) fn check(input: &CheckInput, graph: &Graph, found: &mut Found) {
    let Some(start) = graph.start else { return };
    let reachable = graph.reach(start, |_, _| true);
    for (name, thing) in Things::of(input.dialog).0 {
        // Where one can be without having set it: from the start, and after a lookup that gave nothing.
        let forgotten = graph.nodes.iter().flat_map(|node| &node.edges).filter(|edge| edge.forgets.as_deref() == Some(name));
        let sources = std::iter::once(start).chain(forgotten.map(|edge| edge.to)).filter(|node| reachable.has(*node));
        let without = graph.reach_from(sources, |_, edge| edge.sets.as_deref() != Some(name));
        let setting = Setting::of(name, &thing);
        said_before(input, graph, &without, &setting, found);
        needed_before(input, graph, &without, &setting, found);
    }
}

/// A slot or a result, and where it is set.
struct Setting<'a> {
    name: &'a str,
    part: Option<&'a Part>,
    location: Location,
    /// The variables of texts that hold it.
    variables: Vec<String>,
    /// What to do about it.
    before: String,
}

impl<'a> Setting<'a> {
    fn of(name: &'a str, thing: &Thing<'a>) -> Setting<'a> {
        match thing {
            Thing::Slot { written, part, .. } => Setting {
                name,
                part: *part,
                location: written.referenced,
                variables: vec![name.to_owned()],
                before: format!("collect `{name}` before"),
            },
            Thing::Result { fetch, part } => Setting {
                name,
                part: *part,
                location: fetch.into.referenced,
                variables: fetch.takes.iter().map(|(field, _)| field_name(name, &field.value)).collect(),
                before: format!("look `{name}` up before (where a lookup fails it is not known)"),
            },
        }
    }
}

fn said_before(input: &CheckInput, graph: &Graph, without: &Reached, setting: &Setting, found: &mut Found) {
    let Some(texts) = input.texts else { return };
    for Said { prompt, part, step, after } in said(input.dialog) {
        let used_in = input.languages().into_iter().find_map(|language| {
            let message = texts.message(&language.value, &prompt.value)?;
            let variable = setting.variables.iter().find(|variable| message.variables.contains(*variable))?;
            Some((language, variable)).filter(|(_, variable)| !FIXED_VARIABLES.contains(&variable.as_str()))
        });
        let Some((language, variable)) = used_in.filter(|_| after != Some(setting.name)) else { continue };
        let Some(way) = unset_way(graph, without, step) else { continue };
        let message = format!("`{}` says ${variable}, which is not set on every way here", prompt.value);
        let help = format!(
            "unset on this way: {way}\n{}, or leave ${variable} out of `{}` ({})",
            setting.before, prompt.value, language.value
        );
        let place = found.place_in(setting.part, &setting.location, "set here");
        found.enter(part);
        found.at(RULE, prompt, "says what is not known yet", message, help).related.push(place);
    }
}

fn needed_before(input: &CheckInput, graph: &Graph, without: &Reached, setting: &Setting, found: &mut Found) {
    for (state, step) in input.dialog.every_step() {
        for need in needs(&step.value).into_iter().filter(|need| need.name == setting.name) {
            let Some(way) = unset_way(graph, without, step) else { continue };
            let message = format!("this step {} `{}`, which is not set on every way here", need.what, need.name);
            let help = format!("unset on this way: {way}\n{}", setting.before);
            let place = found.place_in(state.part, &need.at, "not known yet");
            let set = found.place_in(setting.part, &setting.location, "set here");
            found.add(Problem { rule: RULE, message, place, help, related: vec![set] });
        }
    }
}

/// A way to the step on which it was not set.
fn unset_way(graph: &Graph, without: &Reached, step: &Spanned<Step>) -> Option<String> {
    let node = graph.nodes_of(step).into_iter().find(|node| without.has(*node))?;
    Some(graph.in_words(&without.path(node)))
}
