//! Sub-dialogs: known where they are called, not calling themselves, and coming back.

use super::CheckInput;
use super::drawing::DEEPEST;
use super::graph::Graph;
use super::problem::{Found, suggestion};
use crate::dialog::file::Step;

/// What can be said without a graph: names.
pub(super) fn check(input: &CheckInput, found: &mut Found) {
    const RULE: &str = "unknown-sub-dialog";
    let dialog = input.dialog;
    for part in &dialog.parts {
        let named = &part.file.sub_dialog;
        if named.value != part.name {
            found.enter(Some(part));
            let message = format!("this file is called as `{}`, and says that it is `{}`", part.name, named.value);
            let help = format!("write `sub-dialog: {}` here, or call it `{}` under `sub-dialogs`", part.name, named.value);
            found.at(RULE, named, "another name", message, help);
        }
    }
    let known: Vec<&str> = dialog.sub_dialogs.iter().map(|(name, _)| name.value.as_str()).collect();
    for (state, step) in dialog.every_step() {
        found.enter(state.part);
        match &step.value {
            Step::Call(name) if !known.contains(&name.value.as_str()) => {
                let help = suggestion(&name.value, "the names under `sub-dialogs`", &known);
                found.at(RULE, name, "not there", format!("there is no sub-dialog `{}`", name.value), help);
            }
            Step::Return(()) if state.part.is_none() => {
                let message = "there is nothing to return to: this is the dialog itself".to_owned();
                let help = "write `- go: STATE` or `- end:`; `return` stands in the file of a sub-dialog".to_owned();
                found.at("return-outside-sub-dialog", step, "nowhere to go", message, help);
            }
            _ => {}
        }
    }
    found.enter(None);
    for (name, _) in dialog.sub_dialogs.iter() {
        let called = dialog.every_step().any(|(_, step)| matches!(&step.value, Step::Call(call) if call.value == name.value));
        if !called {
            let message = format!("nothing calls the sub-dialog `{}`", name.value);
            let help = format!("call it (`- call: {}`), or take it away", name.value);
            found.at("unreachable-state", name, "never called", message, help);
        }
    }
}

/// What the graph knows: whether calls end. `false` where they do not, and nothing else can be said about ways.
pub(super) fn check_ways(graph: &Graph, found: &mut Found) -> bool {
    for (part, name) in &graph.endless {
        found.enter(*part);
        let message = format!("calling `{}` here comes back to itself, or goes deeper than {DEEPEST} calls", name.value);
        let help = "lead on with `- go: STATE` in one sub-dialog instead of calling it again".to_owned();
        found.at("sub-dialog-calls-itself", name, "round in circles", message, help);
    }
    if !graph.endless.is_empty() {
        // What cannot be drawn to its end cannot be shown to come back.
        found.enter(None);
        return false;
    }
    let mut reported: Vec<&str> = Vec::new();
    for run in &graph.runs {
        let Some(start) = run.start else { continue };
        let comes_back = graph.leads_to([run.back], |_| true)[start];
        if !comes_back && !reported.contains(&run.part.name.as_str()) {
            reported.push(&run.part.name);
            found.enter(Some(run.part));
            let message = format!("`{}` never returns: what comes after its `call` is never done", run.part.name);
            let help = "let a state of it end with `- return:`".to_owned();
            found.at("sub-dialog-never-returns", &run.part.file.sub_dialog, "never returns", message, help);
        }
    }
    found.enter(None);
    true
}
