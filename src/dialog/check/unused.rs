//! Texts of the dialog that nothing says and nothing listens for: left over, or the name of one is misspelt. Of no harm to a caller.

use std::collections::BTreeSet;

use super::CheckInput;
use super::engine::messages;
use super::problem::Found;
use super::prompts::{in_text, said};
use crate::dialog::file::Step;
use crate::dialog::prompt::Texts;

pub(super) fn check(input: &CheckInput, texts: &Texts, found: &mut Found) {
    let engine: BTreeSet<String> = messages().into_iter().map(|(id, _)| id).collect();
    let said: BTreeSet<&str> = said(input.dialog).into_iter().map(|said| said.prompt.value.as_str()).collect();
    let steps = input.dialog.every_step().map(|(_, step)| step);
    let options: BTreeSet<&str> = steps
        .filter_map(|step| if let Step::Ask(ask) = &step.value { Some(&ask.options) } else { None })
        .flat_map(|options| options.iter().map(|(option, _)| option.value.as_str()))
        .collect();
    let purposes: BTreeSet<String> =
        input.dialog.recording.iter().map(|recorded| format!("purpose-{}", recorded.value.purpose.value)).collect();
    for language in input.languages().iter().map(|language| language.value.as_str()) {
        let quoted: BTreeSet<&str> =
            texts.messages(language).flat_map(|(_, message)| message.quotes.iter().map(String::as_str)).collect();
        let own = texts.messages(language).filter(|(id, message)| !engine.contains(*id) && !is_of_the_engine(&message.file));
        for (id, message) in own {
            let used =
                (message.spoken && said.contains(id)) || options.contains(id) || quoted.contains(id) || purposes.contains(id);
            if used {
                continue;
            }
            let said = format!("`{id}` stands in the {language} texts, and nothing in the dialog uses it");
            let help = format!("use it (`- say: {id}`), correct its name, or take it away");
            found.add(in_text("unused-prompt", id, message, "not used".into(), said, help));
        }
    }
}

/// The engine's file may hold names of purposes that this dialog does not have.
fn is_of_the_engine(file: &str) -> bool {
    file.rsplit(['/', '\\']).next().is_some_and(|name| name.starts_with("candor.ftl"))
}
