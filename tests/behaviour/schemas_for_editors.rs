//! The JSON Schemas that editors read: they are those of the types that read the files, take every dialog that the project has, and refuse
//! what is no dialog.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use candor::dialog::file::{schema_of_dialogs, schema_of_sub_dialogs};
use jsonschema::Validator;
use serde_json::Value;

use crate::service::project;

fn yaml(path: &Path) -> Option<Value> {
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).ok()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(project(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn errors(schema: &Validator, path: &Path) -> Vec<String> {
    let Some(value) = yaml(path) else { return vec!["this is no YAML".into()] };
    schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_files_are_what_the_program_prints() {
    for (kind, file, schema) in [
        ("dialog", "docs/dialog.schema.json", schema_of_dialogs()),
        ("sub-dialog", "docs/sub-dialog.schema.json", schema_of_sub_dialogs()),
    ] {
        let printed = Command::new(env!("CARGO_BIN_EXE_candor")).args(["schema", kind]).output().unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert_eq!(printed, format!("{schema:#}\n"));
        let written = std::fs::read_to_string(project(file)).unwrap_or_default();
        assert!(written == printed, "{file} is not what it should be: candor schema {kind} > {file}");
    }
}

#[test]
fn every_dialog_of_the_project_holds() {
    let schema = jsonschema::validator_for(&schema_of_dialogs()).unwrap();
    let dialogs: Vec<PathBuf> =
        ["dialogs", "tests/dialogs/any-call", "tests/dialogs/korean"].into_iter().flat_map(files).collect();
    assert!(dialogs.len() >= 3);
    let kept = files("tests/dialogs/check").into_iter().filter(|path| name(path).ends_with(".keeps.yaml"));
    for path in dialogs.into_iter().chain(kept) {
        assert_eq!(errors(&schema, &path), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn what_is_no_dialog_is_refused() {
    let schema = jsonschema::validator_for(&schema_of_dialogs()).unwrap();
    let broken: Vec<PathBuf> =
        files("tests/dialogs/check").into_iter().filter(|path| name(path).starts_with("not-a-dialog-")).collect();
    assert!(broken.len() >= 4);
    for path in broken {
        assert_ne!(errors(&schema, &path), Vec::<String>::new(), "{}", path.display());
    }
    // What a value can be is known as well.
    for name in ["purpose-incomplete-unreadable", "value-unreadable", "tries-out-of-range", "key-collision"] {
        let path = project(&format!("tests/dialogs/check/{name}.yaml"));
        assert_ne!(errors(&schema, &path), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_name_is_explained_to_authors() {
    let mut unexplained = BTreeSet::new();
    for schema in [schema_of_dialogs(), schema_of_sub_dialogs()] {
        look_at(&schema, "", &mut unexplained);
    }
    assert_eq!(unexplained, BTreeSet::new());
}

/// Names that an editor would complete without a word about them, and words that only a programmer would understand.
fn look_at(schema: &Value, at: &str, unexplained: &mut BTreeSet<String>) {
    let Value::Object(fields) = schema else {
        if let Value::Array(items) = schema {
            items.iter().for_each(|item| look_at(item, at, unexplained));
        }
        return;
    };
    let description = fields.get("description").and_then(Value::as_str);
    if description.is_some_and(|text| text.contains("[`") || text.contains("::")) {
        unexplained.insert(format!("{at} speaks of the code"));
    }
    if let Some(Value::Object(properties)) = fields.get("properties") {
        for (name, property) in properties {
            // A step says what it does beside its name.
            let explained = property.get("description").is_some() || description.is_some();
            if !explained {
                unexplained.insert(format!("{at}.{name}"));
            }
        }
    }
    for (name, value) in fields.iter().filter(|(name, _)| *name != "description") {
        look_at(value, &format!("{at}.{name}"), unexplained);
    }
}
