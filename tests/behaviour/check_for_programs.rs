//! What `candor check` tells programs and code review, and the pages that it shows.

use std::collections::BTreeSet;
use std::path::PathBuf;

use candor::cli::check::{Arguments, Configured, Outcome};
use candor::dialog::check::{RULES, Rule};
use serde_json::Value;
use serde_sarif::sarif::Sarif;

use crate::check_fixtures::{Fixture, folder, targets};
use crate::service::project;

fn check(arguments: Arguments) -> (Outcome, String, String) {
    let (dialogs, targets) = (project("dialogs"), targets());
    let prompts = if arguments.paths.is_empty() { project("prompts") } else { folder().join("prompts") };
    let configured =
        Configured { dialogs: &dialogs, prompts: &prompts, targets: Some(&targets), lookups: None, keepers: &[], voice: None };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = candor::cli::check::check(&arguments, configured, false, &mut out, &mut err).unwrap();
    (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn of(names: &[&str]) -> Arguments {
    let paths: Vec<PathBuf> = names.iter().map(|name| folder().join(name)).collect();
    Arguments { paths, ..Arguments::default() }
}

fn json(arguments: Arguments) -> (Outcome, Value) {
    let (outcome, out, _) = check(Arguments { json: true, ..arguments });
    (outcome, serde_json::from_str(&out).unwrap())
}

#[test]
fn json_names_the_place_the_rule_and_the_way_out() {
    let (outcome, report) = json(of(&["unknown-state.yaml", "unknown-state.keeps.yaml", "phrase-collision.yaml"]));
    assert_eq!(outcome, Outcome::DoesNotHold);
    let summary = &report["summary"];
    assert_eq!((&summary["dialogs"], &summary["refused"], &summary["holds"]), (&3.into(), &2.into(), &false.into()));
    let problems = report["problems"].as_array().unwrap();
    let errors = problems.iter().filter(|problem| problem["level"] == "error").count();
    assert_eq!(summary["errors"], errors);
    let first = problems.iter().find(|problem| problem["rule"] == "unknown-state").unwrap();
    assert!(first["file"].as_str().unwrap().ends_with("unknown-state.yaml"), "{first}");
    assert_eq!((&first["line"], &first["column"]), (&15.into(), &35.into()), "{first}");
    assert_eq!(first["end"], serde_json::json!({ "line": 15, "column": 39 }));
    assert_eq!(first["message"], "there is no state `ordr`");
    assert_eq!(first["page"], "docs/checks/unknown-state.md");
    let in_a_text = problems.iter().find(|problem| problem["rule"] == "phrase-collision").unwrap();
    assert!(in_a_text["file"].as_str().unwrap().ends_with("/phrases.ftl") && in_a_text["line"].is_number(), "{in_a_text}");
    assert!(in_a_text["related"][0]["line"].is_number(), "{in_a_text}");
    let held = report["dialogs"].as_array().unwrap().iter().find(|dialog| dialog["holds"] == true).unwrap();
    assert!(held["name"] == "service" && held["version"].as_str().unwrap().len() == 64, "{held}");
}

/// The names of all fields, at any depth.
fn fields(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields_of) => {
            for (name, value) in fields_of {
                into.insert(format!("{at}.{name}"));
                fields(value, &format!("{at}.{name}"), into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| fields(item, at, into)),
        _ => {}
    }
}

#[test]
fn the_page_shows_json_with_all_its_fields() {
    let page = std::fs::read_to_string(project("docs/checks/README.md")).unwrap();
    let example = page.split("```json\n").nth(1).unwrap().split("\n```").next().unwrap();
    let (mut shown, mut written) = (BTreeSet::new(), BTreeSet::new());
    fields(&serde_json::from_str(example).unwrap(), "", &mut shown);
    fields(&json(of(&["unknown-state.yaml"])).1, "", &mut written);
    assert_eq!(shown, written);
}

#[test]
fn sarif_puts_each_problem_on_its_line_with_the_page_of_its_rule() {
    let names = ["unknown-state.yaml", "phrase-collision.yaml", "unused-prompt.yaml", "words-not-reviewed.keeps.yaml"];
    let (outcome, out, _) = check(Arguments { sarif: true, ..of(&names) });
    assert_eq!(outcome, Outcome::DoesNotHold);
    let typed: Sarif = serde_json::from_str(&out).unwrap();
    assert_eq!(typed.runs.len(), 1);
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), RULES.len());
    for (descriptor, Rule { name, level, .. }) in rules.iter().zip(RULES) {
        assert_eq!((&descriptor["id"], &descriptor["defaultConfiguration"]["level"]), (&(*name).into(), &level.as_str().into()));
        assert!(descriptor["help"]["markdown"].as_str().unwrap().starts_with(&format!("# {name}\n")), "{descriptor}");
    }
    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], RULES[index].name);
        assert_eq!(result["level"], RULES[index].level.as_str());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("tests/dialogs/check/") && project(uri).is_file(), "{uri} is no path of the repository");
        let region = &place["region"];
        assert!(region["startLine"].is_u64() && region["endColumn"].is_u64(), "{region}");
    }
    let at = |rule: &str| results.iter().find(|result| result["ruleId"] == rule).unwrap();
    assert_eq!(at("unknown-state")["locations"][0]["physicalLocation"]["region"]["startLine"], 15);
    assert!(
        at("phrase-collision")["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().ends_with(".ftl")
    );
}

#[test]
fn a_problem_in_a_text_that_dialogs_share_is_one_finding_of_a_review() {
    let (_, out, _) = check(Arguments { sarif: true, ..of(&["unused-prompt.yaml", "unused-prompt.yaml"]) });
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 1, "{out}");
    let (_, report) = json(of(&["unused-prompt.yaml", "unused-prompt.yaml"]));
    assert_eq!(report["problems"].as_array().unwrap().len(), 2);
}

#[test]
fn a_warning_counts_where_it_is_asked_for() {
    let (outcome, out, _) = check(of(&["unused-prompt.yaml"]));
    assert_eq!(outcome, Outcome::Holds);
    assert!(out.contains("good-bye") && out.contains("holds") && out.contains("no errors, 1 warning"), "{out}");
    let (outcome, _, _) = check(Arguments { strict: true, ..of(&["unused-prompt.yaml"]) });
    assert_eq!(outcome, Outcome::DoesNotHold);
    // A note never does.
    let french = Fixture::named("words-not-reviewed.yaml");
    let arguments = Arguments { strict: true, prompts: Some(french.prompts.clone()), ..of(&["words-not-reviewed.yaml"]) };
    let (outcome, out, _) = check(arguments);
    assert!(outcome == Outcome::Holds && out.contains("no errors, 1 note"), "{out}");
}

#[test]
fn a_rule_is_explained_and_a_misspelt_one_is_guessed() {
    let (outcome, out, _) = check(Arguments { explain: Some("no-way-out".into()), ..Arguments::default() });
    assert!(outcome == Outcome::Holds && out.starts_with("# no-way-out\n"), "{out}");
    let (outcome, out, err) = check(Arguments { explain: Some("no-way-oot".into()), ..Arguments::default() });
    assert_eq!((outcome, out.as_str()), (Outcome::CalledWrongly, ""));
    assert!(err.contains("did you mean no-way-out"), "{err}");
    let (outcome, out, _) = check(Arguments { list: true, ..Arguments::default() });
    assert_eq!((outcome, out.lines().count()), (Outcome::Holds, RULES.len()));
}

#[test]
fn without_a_dialog_the_configured_ones_are_checked() {
    let (outcome, report) = json(Arguments::default());
    assert_eq!((outcome, &report["summary"]["holds"]), (Outcome::Holds, &true.into()), "{report}");
    assert_eq!(report["problems"], Value::Array(Vec::new()));
}
