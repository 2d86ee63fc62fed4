//! The pages of the rules, as they are in the program: `docs/checks/RULE.md`.

use std::io::{self, Write};

use rust_embed::RustEmbed;

use super::Outcome;
use crate::dialog::check::{RULES, nearest};

#[derive(RustEmbed)]
#[folder = "docs/checks/"]
#[include = "*.md"]
struct Pages;

/// The page of a rule.
pub fn page(rule: &str) -> Option<String> {
    let page = Pages::get(&format!("{rule}.md"))?;
    String::from_utf8(page.data.into_owned()).ok()
}

/// Where the page of a rule stands in the project.
pub(super) fn path(rule: &str) -> String {
    format!("docs/checks/{rule}.md")
}

/// Every rule with what holds when it is kept.
pub(super) fn list(out: &mut dyn Write) -> io::Result<Outcome> {
    let widest = RULES.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    for rule in RULES {
        writeln!(out, "{:widest$}  {:7}  {}", rule.name, rule.level.as_str(), rule.holds)?;
    }
    Ok(Outcome::Holds)
}

/// The page of one rule.
pub(super) fn explain(rule: &str, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Outcome> {
    let Some(page) = RULES.iter().find(|known| known.name == rule).and_then(|rule| page(rule.name)) else {
        let near = nearest(rule, RULES.iter().map(|rule| rule.name));
        let near = near.map(|near| format!("; did you mean {near}")).unwrap_or_default();
        writeln!(err, "candor check: there is no rule {rule}{near}; `candor check --list` names all")?;
        return Ok(Outcome::CalledWrongly);
    };
    write!(out, "{page}")?;
    Ok(Outcome::Holds)
}
