//! Scenarios: those of the shipped dialogs hold; what differs is shown with the conversation and the line of the file; and a dialog can be
//! talked to through a pipe.
//!
//! What is printed stands beside each file in `tests/dialogs/scenarios/`. `UPDATE_EXPECTED=1` writes it anew.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use candor::cli::check::Outcome;
use candor::cli::test::{Arguments, Configured, test};
use candor::speech::Settings;

use crate::service::project;

fn speech() -> Settings {
    Settings { models: std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into), ..Default::default() }
}

/// Runs `candor test` in this process: how it ended, what it printed, and how it said that it was called wrongly.
fn run(arguments: &Arguments) -> (Outcome, String, String) {
    let (dialogs, prompts, speech) = (project("dialogs"), project("prompts"), speech());
    let targets = ["service-desk".to_owned()];
    let configured = Configured { dialogs: &dialogs, prompts: &prompts, targets: Some(&targets), speech: &speech };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = test(arguments, configured, false, &mut out, &mut err).unwrap();
    (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn of(paths: &[&str]) -> Arguments {
    Arguments { paths: paths.iter().map(|path| project(path)).collect(), ..Default::default() }
}

/// Without what differs from one machine and one run to the next: paths and real time.
fn steady(text: &str) -> String {
    let root = format!("{}/", env!("CARGO_MANIFEST_DIR"));
    let lines = text.lines().map(|line| match (line.find(" in "), line.ends_with(" ms")) {
        (Some(_), true) => line.rsplit_once(" in ").map_or(line, |(before, _)| before).to_owned(),
        _ => line.replace(&root, ""),
    });
    lines.map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn as_expected(name: &str, found: &str) {
    let path = project("tests/dialogs/scenarios").join(name);
    let found = steady(found);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let at = expected.lines().zip(found.lines()).position(|(expected, found)| expected != found);
    assert!(
        expected == found,
        "{} is not what is printed, from line {:?} on; UPDATE_EXPECTED=1 writes it anew:\n{found}",
        path.display(),
        at.map(|at| at + 1)
    );
}

#[test]
fn the_shipped_scenarios_hold() {
    let (outcome, told, wrongly) = run(&Arguments::default());
    assert_eq!(outcome, Outcome::Holds, "{told}{wrongly}");
    assert!(told.contains("dialogs/tests/webshop-recording.yaml"), "{told}");
    assert!(!told.contains("not run"), "{told}");
    assert!(told.lines().filter(|line| line.contains('✓')).count() > 60, "{told}");
}

#[test]
fn a_dialog_brings_its_scenarios_by_file_and_by_name() {
    let (by_file, all, _) = run(&of(&["dialogs/webshop.yaml"]));
    let named = Arguments { paths: vec!["webshop".into()], ..Default::default() };
    let (by_name, named, _) = run(&named);
    assert_eq!((by_file, by_name), (Outcome::Holds, Outcome::Holds), "{all}");
    assert_eq!(steady(&all), steady(&named));
    let some = Arguments { filter: Some("tunnel".into()), ..of(&["dialogs"]) };
    let (outcome, told, _) = run(&some);
    assert_eq!((outcome, told.lines().filter(|line| line.contains('✓')).count()), (Outcome::Holds, 2), "{told}");
}

#[test]
fn whoever_tells_nothing_is_called_wrongly() {
    let nothing = Arguments { filter: Some("no such story".into()), ..of(&["dialogs"]) };
    let (outcome, _, why) = run(&nothing);
    assert!(outcome == Outcome::CalledWrongly && why.contains("no such story"), "{why}");
    let (outcome, _, why) = run(&of(&["prompts"]));
    assert!(outcome == Outcome::CalledWrongly && why.contains("no scenarios"), "{why}");
    let (outcome, _, why) = run(&of(&["nowhere"]));
    assert!(outcome == Outcome::CalledWrongly && why.contains("no file or folder"), "{why}");
}

#[test]
fn what_differs_is_shown_with_the_conversation_and_the_line_of_the_file() {
    let (outcome, told, _) = run(&of(&["tests/dialogs/scenarios/differs.yaml"]));
    assert_eq!(outcome, Outcome::DoesNotHold);
    let stories = std::fs::read_to_string(project("tests/dialogs/scenarios/differs.yaml")).unwrap();
    let stories =
        stories.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':')).count();
    assert_eq!(told.matches("scenario-differs (").count(), stories, "each of them differs: {told}");
    as_expected("differs.txt", &told);
}

#[test]
fn a_slip_of_the_pen_is_shown_before_anything_is_run() {
    for name in ["names", "unreadable"] {
        let (outcome, told, _) = run(&of(&[&format!("tests/dialogs/scenarios/{name}.yaml")]));
        assert_eq!(outcome, Outcome::DoesNotHold, "{told}");
        as_expected(&format!("{name}.txt"), &told);
    }
}

#[test]
fn a_program_reads_where_it_differs() {
    let differs =
        Arguments { json: true, filter: Some("something else is heard".into()), ..of(&["tests/dialogs/scenarios/differs.yaml"]) };
    let (outcome, told, _) = run(&differs);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((outcome, told.as_array().unwrap().len()), (Outcome::DoesNotHold, 1));
    assert_eq!((told[0]["outcome"].as_str(), told[0]["line"].as_u64()), (Some("differs"), Some(12)), "{told:#}");
    assert!(told[0]["conversation"].as_array().unwrap().iter().any(|line| line.as_str().unwrap().contains("presses 3")));
    let (outcome, told, _) = run(&Arguments { json: true, ..of(&["dialogs/tests/webshop-order.yaml"]) });
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(outcome, Outcome::Holds);
    assert!(told.as_array().unwrap().iter().all(|run| run["outcome"] == "holds" && run["virtual-ms"].as_u64().unwrap() > 10_000));
}

/// The dialog of `webshop.yaml` with `from` changed to `to`, and its scenarios, in a folder of their own.
fn changed(from: &str, to: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dialog = std::fs::read_to_string(project("dialogs/webshop.yaml")).unwrap();
    assert!(dialog.contains(from), "{from}");
    std::fs::write(folder.path().join("webshop.yaml"), dialog.replacen(from, to, 1)).unwrap();
    std::fs::create_dir(folder.path().join("tests")).unwrap();
    for file in candor::server::library::dialogs_in(&project("dialogs/tests")).unwrap() {
        let name = file.file_name().unwrap();
        if name.to_str().unwrap().starts_with("webshop") {
            std::fs::copy(&file, folder.path().join("tests").join(name)).unwrap();
        }
    }
    folder
}

#[test]
fn a_dialog_that_changes_breaks_its_scenarios() {
    for (from, to) in [
        ("no-input: { tries: 2, then: handover }", "no-input: { tries: 3, then: handover }"),
        ("    - say: return-explained\n", ""),
        ("digits: 4..8", "digits: 6..8"),
        ("no-thanks: { press: 2, go: goodbye }", "no-thanks: { press: 4, go: goodbye }"),
    ] {
        let folder = changed(from, to);
        let (outcome, told, _) = run(&Arguments { paths: vec![folder.path().to_owned()], ..Default::default() });
        assert_eq!(outcome, Outcome::DoesNotHold, "{from} became {to}:\n{told}");
    }
    let folder = changed("go: order-number", "go: ordernumber");
    let (outcome, told, _) = run(&Arguments { paths: vec![folder.path().to_owned()], ..Default::default() });
    assert!(outcome == Outcome::DoesNotHold && told.contains("unknown-state") && !told.contains('✓'), "{told}");
}

/// Talks to the web shop through a pipe: the exit status, and what was printed.
fn talk(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut candor = Command::new(env!("CARGO_BIN_EXE_candor"));
    candor.current_dir(env!("CARGO_MANIFEST_DIR")).arg("talk").args(arguments);
    let mut candor = candor.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that was called wrongly is gone before it reads.
    let _ = candor.stdin.take().unwrap().write_all(input.as_bytes());
    let output = candor.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_conversation_goes_through_a_pipe() {
    let input = std::fs::read_to_string(project("tests/dialogs/scenarios/conversation.in")).unwrap();
    let (status, told) = talk(&["webshop", "--language", "en"], &input);
    assert_eq!(status, Some(0), "{told}");
    as_expected("conversation.txt", &told);
}

#[test]
fn an_author_can_meet_the_desk_and_the_keypad() {
    let (status, told) = talk(
        &["dialogs/webshop.yaml", "--people", "desk", "--keys-only"],
        "/2\nretour\n/0\n/colleague takes\n/colleague gives-back\n/hang-up\n",
    );
    assert_eq!(status, Some(0), "{told}");
    for part in ["[keys-only]", "[queue-place]", "a colleague takes the caller", "[handover-back]", "would have kept no turn"] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
    let (status, told) = talk(&["webshop", "--step"], "/interrupt /0\n\n");
    assert!(
        status == Some(0) && told.contains("disclosure-automated is broken off") && told.contains("passed to a person (asked)"),
        "{told}"
    );
    let (status, told) = talk(&["webshop", "--language", "de"], "");
    assert!(status == Some(2) && told.contains("not spoken in `de`"), "{told}");
    assert_eq!(talk(&["no-such-dialog"], "").0, Some(2));
    assert_eq!(talk(&["webshop", "--people", "everybody"], "").0, Some(2));
    #[cfg(not(feature = "aloud"))]
    {
        let (status, told) = talk(&["webshop", "--aloud"], "");
        assert!(status == Some(2) && told.contains("--features aloud"), "{told}");
    }
}

/// Everything below a folder, with when it was last written.
fn written(folder: &Path) -> Vec<(PathBuf, std::time::SystemTime)> {
    let files = crate::service::files_below(folder).into_iter();
    files.map(|file| (file.clone(), std::fs::metadata(file).unwrap().modified().unwrap())).collect()
}

#[test]
fn a_rehearsal_writes_nothing() {
    let folder = changed("dialog: webshop", "dialog: webshop");
    let before = written(folder.path());
    let mut candor = Command::new(env!("CARGO_BIN_EXE_candor"));
    candor
        .current_dir(folder.path())
        .env("CANDOR_PROMPTS__FOLDER", project("prompts"))
        .env("CANDOR_DIALOGS__FOLDER", folder.path());
    let output = candor.args(["test", "webshop"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(written(folder.path()), before);
}

#[test]
fn with_sound_a_language_without_a_recogniser_is_not_run_and_says_so() {
    let nowhere = tempfile::tempdir().unwrap();
    let (dialogs, prompts) = (project("dialogs"), project("prompts"));
    let speech = Settings { models: Some(nowhere.path().to_owned()), ..Default::default() };
    let configured = Configured { dialogs: &dialogs, prompts: &prompts, targets: None, speech: &speech };
    let arguments = Arguments { audio: true, ..of(&["dialogs/tests/webshop-service.yaml"]) };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = test(&arguments, configured, false, &mut out, &mut err).unwrap();
    let told = String::from_utf8(out).unwrap();
    assert_eq!(outcome, Outcome::Holds, "{told}");
    assert!(told.contains("– the opening hours by voice, then another question (nl)  not run"), "{told}");
    assert!(told.contains("not run: nl: keys only, there is no"), "{told}");
    // Where only keys work, nothing has to be understood.
    assert!(told.contains("✓ where only keys work, who speaks is told so"), "{told}");
}

#[test]
fn with_sound_a_caller_is_heard_through_the_telephone_and_the_recogniser() {
    if crate::korean::line().is_none() {
        return;
    }
    // The model understands little of a synthetic voice, and not always the same; what nobody agreed to holds at the first attempt.
    let mut told = String::new();
    for _ in 0..3 {
        let (outcome, printed, _) = run(&Arguments { audio: true, ..of(&["tests/dialogs/korean/tests/korean.yaml"]) });
        told = printed;
        assert!(told.contains("✓ speech beside the point is no yes"), "{told}");
        if outcome == Outcome::Holds {
            return;
        }
    }
    panic!("not understood in three attempts:\n{told}");
}

#[test]
fn an_editor_knows_what_can_stand_in_a_scenario_file() {
    let schema = serde_json::to_value(schemars::schema_for!(candor::rehearsal::scenario::ScenarioFile)).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    // As editors read: in YAML 1.2 `no` is a word.
    let options = serde_saphyr::options! { strict_booleans: true };
    let read = |path: &Path| -> serde_json::Value {
        serde_saphyr::from_str_with_options(&std::fs::read_to_string(path).unwrap(), options.clone()).unwrap()
    };
    let shipped = candor::server::library::dialogs_in(&project("dialogs/tests")).unwrap();
    for file in shipped
        .into_iter()
        .chain([project("tests/dialogs/scenarios/differs.yaml"), project("tests/dialogs/korean/tests/korean.yaml")])
    {
        let wrong: Vec<String> = schema.iter_errors(&read(&file)).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{}: {wrong:#?}", file.display());
    }
    assert!(!schema.is_valid(&read(&project("tests/dialogs/scenarios/unreadable.yaml"))));
}
