//! For people: each problem with its line, a caret and what to write instead; a line for each dialog that holds; and a sum.

use std::io::{self, Write};

use super::Checks;
use crate::dialog::check::Level;
use crate::server::library::Loaded;

pub(super) fn write(checks: &Checks, colour: bool, out: &mut dyn Write) -> io::Result<()> {
    for dialog in &checks.dialogs {
        write!(out, "{}", dialog.found().render(colour))?;
        if let Ok(loaded) = &dialog.result {
            writeln!(out, "{} holds: {}", dialog.file.display(), summary(loaded))?;
        }
    }
    let dialogs = plural(checks.dialogs.len(), "dialog");
    let others: Vec<String> = [(Level::Warning, "warning"), (Level::Note, "note")]
        .into_iter()
        .map(|(level, word)| (checks.count(level), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!(", {}", plural(count, word)))
        .collect();
    let others = others.concat();
    let errors = match checks.refused() {
        0 if others.is_empty() => "no problems".to_owned(),
        0 => "no errors".to_owned(),
        refused => format!("{} in {refused} of them", plural(checks.count(Level::Error), "problem")),
    };
    let unspoken = match checks.spoken {
        true => "",
        false => "; how long the opening takes was not measured, and how phrases sound was not compared",
    };
    writeln!(out, "{dialogs} checked, {errors}{others}{unspoken}")
}

fn summary(loaded: &Loaded) -> String {
    let file = &loaded.dialog.file;
    let languages: Vec<&str> = file.languages.iter().map(|language| language.value.as_str()).collect();
    let recording = match file.recording.len() {
        0 => "records nothing".to_owned(),
        purposes => format!("records for {}", plural(purposes, "purpose")),
    };
    let version: String = loaded.dialog.version.chars().take(12).collect();
    format!("{}, in {}, {recording}, version {version}", plural(file.states.0.len(), "state"), languages.join(" and "))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
