//! For code review: what was found as SARIF 2.1.0 (OASIS), which GitHub, GitLab, Azure DevOps and editors show beside the line.
//!
//! Paths are relative to where the command runs, so that it is run at the root of the repository; the page of each rule is in it.

use std::io::{self, Write};
use std::path::Path;

use serde_sarif::sarif::{
    ArtifactLocation, Location, Message, MultiformatMessageString, PhysicalLocation, Region, ReportingConfiguration,
    ReportingDescriptor, Result as Found, ResultLevel, Run, SCHEMA_URL, Sarif, Tool, ToolComponent,
};

use super::{Checked, Checks, pages};
use crate::dialog::check::{Level, Place, Problem, RULES, Rule};

pub(super) fn write(checks: &Checks, root: &Path, out: &mut dyn Write) -> io::Result<()> {
    let mut results: Vec<Found> = Vec::new();
    for dialog in &checks.dialogs {
        for problem in dialog.found().iter() {
            let found = found(dialog, problem, root);
            // A text that dialogs share breaks a rule in each of them, and is one finding.
            if !results.contains(&found) {
                results.push(found);
            }
        }
    }
    let driver = ToolComponent::builder()
        .name("candor check")
        .version(env!("CARGO_PKG_VERSION"))
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .rules(RULES.iter().map(descriptor).collect::<Vec<_>>())
        .build();
    let run =
        Run::builder().tool(Tool::builder().driver(driver).build()).column_kind("unicodeCodePoints").results(results).build();
    let log = Sarif::builder().schema(SCHEMA_URL).version("2.1.0").runs(vec![run]).build();
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn descriptor(rule: &Rule) -> ReportingDescriptor {
    let page = pages::page(rule.name).unwrap_or_default();
    let help = MultiformatMessageString::builder().text(page.clone()).markdown(page).build();
    ReportingDescriptor::builder()
        .id(rule.name)
        .short_description(MultiformatMessageString::builder().text(format!("Kept when {}.", rule.holds)).build())
        .help(help)
        .default_configuration(ReportingConfiguration::builder().level(rule.level.as_str()).build())
        .build()
}

fn found(dialog: &Checked, problem: &Problem, root: &Path) -> Found {
    let index = RULES.iter().position(|rule| rule.name == problem.rule).and_then(|index| i64::try_from(index).ok());
    let related: Vec<Location> = problem.related.iter().map(|place| location(dialog, place, root)).collect();
    let mut found = Found::builder()
        .rule_id(problem.rule)
        .level(match problem.level() {
            Level::Error => ResultLevel::Error,
            Level::Warning => ResultLevel::Warning,
            Level::Note => ResultLevel::Note,
        })
        .message(Message::builder().text(format!("{}\nHelp: {}", problem.message, problem.help)).build())
        .locations(vec![location(dialog, &problem.place, root)])
        .related_locations(related)
        .build();
    found.rule_index = index;
    found
}

/// A place in a file of the repository; one that is in the program, or in a file that could not be read, becomes the first line of the dialog.
fn location(dialog: &Checked, place: &Place, root: &Path) -> Location {
    let (file, region) = match dialog.found().stretch(place).filter(|_| Path::new(&place.file).is_file()) {
        Some((begin, end)) => {
            let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            let region = Region::builder()
                .start_line(number(begin.line))
                .start_column(number(begin.column))
                .end_line(number(end.line))
                .end_column(number(end.column))
                .build();
            (Path::new(&place.file), region)
        }
        None => (dialog.file.as_path(), Region::builder().start_line(1).build()),
    };
    let artifact = ArtifactLocation::builder().uri(uri(file, root)).uri_base_id("%SRCROOT%").build();
    let physical = PhysicalLocation::builder().artifact_location(artifact).region(region).build();
    Location::builder().physical_location(physical).message(Message::builder().text(place.label.clone()).build()).build()
}

/// The path from `root`, as a relative reference (RFC 3986, 4.2).
fn uri(file: &Path, root: &Path) -> String {
    let inside = file.strip_prefix(root).unwrap_or(file);
    let inside = inside.strip_prefix("./").unwrap_or(inside);
    let mut uri = String::new();
    for byte in inside.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_and_escaped() {
        let root = Path::new("/srv/dialogs");
        assert_eq!(uri(Path::new("/srv/dialogs/dialogs/web shop.yaml"), root), "dialogs/web%20shop.yaml");
        assert_eq!(uri(Path::new("./dialogs/é.yaml"), root), "dialogs/%C3%A9.yaml");
    }
}
