//! A server runs the same checks as `candor check`, those of what is spoken included, and does not start on an error. A warning it logs.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::by_key::with_keys_alone;
use crate::service::{Plan, project};

/// The sample dialog with one of its files edited.
struct Edited {
    folder: TempDir,
}

impl Edited {
    fn new(file: &str, edit: impl Fn(String) -> String) -> Edited {
        let folder = tempfile::tempdir().unwrap();
        for name in ["dialogs/webshop.yaml", "prompts/nl/webshop.ftl", "prompts/en/webshop.ftl", "prompts/nl/candor.ftl"] {
            let to = folder.path().join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            let text = std::fs::read_to_string(project(name)).unwrap();
            std::fs::write(&to, if name == file { edit(text.clone()) } else { text.clone() }).unwrap();
            assert!(name != file || std::fs::read_to_string(to).unwrap() != text, "nothing was edited in {file}");
        }
        Edited { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn plan(&self) -> Plan {
        with_keys_alone(Plan::of(self.at("dialogs"), self.at("prompts")))
    }

    /// What `candor check` says, with its status.
    fn checked(&self) -> (i32, String) {
        let mut candor = std::process::Command::new(env!("CARGO_BIN_EXE_candor"));
        candor.current_dir(self.folder.path()).args(["check", "dialogs", "--prompts", "prompts"]);
        let output = candor.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    }

    /// Both refuse, by the same rule.
    fn is_refused(&self, plan: Plan, rule: &str) {
        let log = plan.refused();
        assert!(
            log.contains("the server does not start on a dialog that does not hold") && log.contains(&format!("({rule})")),
            "{log}"
        );
        let (status, told) = self.checked();
        assert!(status == 1 && told.contains(&format!("--explain {rule}")), "{status}: {told}");
    }
}

#[test]
fn an_error_of_the_words_keeps_it_from_starting() {
    let edited = Edited::new("prompts/nl/webshop.ftl", |text| {
        text.replace("Waarmee kan ik u helpen?", "U spreekt met Anna. Zeg het maar.")
    });
    edited.is_refused(edited.plan(), "claims-to-be-human");
}

#[test]
fn an_opening_that_is_too_long_as_spoken_keeps_it_from_starting() {
    let name = "de Vereniging van Samenwerkende Winkeliers in de Binnensteden van Noord, Oost, Zuid en West en hun Leveranciers";
    let edited = Edited::new("dialogs/webshop.yaml", |text| text.replace("name: Voorbeeld", &format!("name: {name}")));
    // As slowly as callers hear it.
    edited.is_refused(edited.plan().rate(150), "disclosure-too-long");
}

#[test]
fn a_phrase_that_sounds_like_a_command_keeps_it_from_starting() {
    // Written quite differently from "colleague", which reaches a person.
    let edited = Edited::new("prompts/en/webshop.ftl", |text| text.replace(".hear = return |", ".hear = return | kolleeg |"));
    edited.is_refused(edited.plan(), "sounds-like-a-command");
}

#[test]
fn a_warning_is_logged_and_keeps_nothing_from_starting() {
    let edited = Edited::new("prompts/nl/webshop.ftl", |text| text + "\nleft-over = Dit zegt niemand.\n");
    let service = edited.plan().start();
    let log = service.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("WARN") && line.contains("unused-prompt")).collect();
    assert!(lines.len() == 1 && lines[0].contains("left-over"), "{log}");
    let (status, told) = edited.checked();
    assert!(status == 0 && told.contains("1 dialog checked, no errors, 1 warning"), "{told}");
}
