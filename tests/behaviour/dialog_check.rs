//! What a refusal shows, and what the check does with files that no author would write. (That each rule is held on the line that breaks it,
//! `check_fixtures` shows.)

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use candor::cli::check::{Arguments, Configured, Outcome};
use candor::dialog::check::{self, CheckInput, Level, RecordedPrompt, Spoken, built_in, check_spoken, unreadable};
use candor::dialog::file;
use candor::dialog::prompt::{Source, Texts};
use candor::server::library::{self, Loaded, Phonemes, Problems};
use proptest::prelude::*;

use crate::check_fixtures::{Fixture, folder, targets};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn refused(name: &str) -> Box<Problems> {
    Fixture::named(name).check().expect_err("this dialog must be refused")
}

#[test]
fn the_web_shop_holds() {
    let shop = library::load(&root().join("dialogs/webshop.yaml"), &root().join("prompts"), Some(&targets()));
    let shop = shop.unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    assert_eq!(shop.remarks.count(), 0, "{}", shop.remarks.render(false));
    assert_eq!(shop.dialog.file.states.0.len(), 12);
    assert!(shop.dialog.texts.message("nl", "disclosure-consent").is_some());
}

#[test]
fn an_unknown_step_is_shown_with_a_caret_and_the_nearest_step() {
    let shown = refused("not-a-dialog-step.yaml").render(false);
    let lines: Vec<&str> = shown.lines().collect();
    let at = lines.iter().position(|line| line.contains("8 │     - sey: welcome")).expect("the line of the file");
    assert!(lines[at + 1].contains("─┬─"), "{shown}");
    assert!(lines[at + 2].contains("╰── no such step"), "{shown}");
    assert!(shown.contains("there is no step `sey`"), "{shown}");
    assert!(shown.contains("help: did you mean `say`?"), "{shown}");
    assert!(shown.contains("not-a-dialog-step.yaml:8:7"), "{shown}");
}

#[test]
fn a_misspelt_state_is_shown_with_a_caret_and_the_nearest_state() {
    let shown = refused("unknown-state.yaml").render(false);
    let lines: Vec<&str> = shown.lines().collect();
    let at = lines.iter().position(|line| line.contains("return: { press: 2, go: ordr }")).expect("the line of the file");
    let column =
        |line: &str, text: &str| line.chars().count() - line.split(text).last().unwrap().chars().count() - text.chars().count();
    let under = lines[at + 1].chars().position(|c| c == '─').expect("a caret line");
    assert_eq!(under, column(lines[at], "ordr }"), "{shown}");
    assert!(shown.contains("did you mean `order`?"), "{shown}");
    assert!(shown.contains("did you mean `handover`?"), "{shown}");
}

#[test]
fn a_costly_refusal_is_shown_with_both_ways() {
    let problems = refused("refusing-caller-cannot-reach.yaml");
    let shown = problems.render(false);
    assert_eq!(problems.count_of(Level::Error), 1, "{shown}");
    assert!(shown.contains("a caller who refuses `service-quality` cannot reach the option `track`"), "{shown}");
    assert!(shown.contains("with recording: welcome (line 12) → menu (line 15) → full (line 20)"), "{shown}");
    assert!(shown.contains("without: welcome (line 12) → menu (line 15) → short (line 26)"), "{shown}");
    assert!(shown.lines().any(|line| line.contains("╰── the ways part here")), "{shown}");
}

#[test]
fn a_refusal_that_takes_longer_says_how_much_longer() {
    let problems = refused("refusing-caller-cannot-reach-in-time.yaml");
    let message = &problems.iter().next().unwrap().message;
    assert!(message.contains("needs 2 turns to reach"), "{message}");
    assert!(message.contains("a caller who agrees 0"), "{message}");
}

#[test]
fn a_caller_who_refuses_both_of_two_purposes_is_compared_with_one_who_refuses_one() {
    let shown = refused("refusing-caller-cannot-reach-of-two.yaml").render(false);
    assert!(shown.contains("with recording: welcome (line 16) → order (line 23)"), "{shown}");
    assert!(shown.contains("without: welcome (line 16) → next (line 18) → done (line 26) → the end"), "{shown}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.yaml");
    fs::write(&path, b"dialog: caf\xe9\n").unwrap();
    let problems = library::load(&path, folder.path(), None).unwrap_err();
    assert_eq!(problems.iter().next().unwrap().rule, "file-not-readable");
    assert!(problems.to_string().contains("byte 11 is not UTF-8"), "{problems}");
    let problems = library::load(&folder.path().join("none.yaml"), folder.path(), None).unwrap_err();
    assert!(problems.to_string().contains("none.yaml cannot be read"), "{problems}");
}

/// A dialog with one state in a folder of its own, with its texts and the built-in ones of the engine, changed by `edit`.
fn with_engine_text(edit: impl Fn(String) -> String) -> (tempfile::TempDir, Result<Loaded, Box<Problems>>) {
    let temporary = tempfile::tempdir().unwrap();
    let language = temporary.path().join("nl");
    fs::create_dir(&language).unwrap();
    fs::write(language.join("candor.ftl"), edit(built_in("nl").unwrap().text)).unwrap();
    fs::write(language.join("small.ftl"), "bye = Dag.\nhello = Hallo.\n").unwrap();
    let dialog = temporary.path().join("small.yaml");
    let text = "dialog: small\nlanguages: [nl]\norganisation: { name: V, privacy-notice: { url: \"https://v.nl\", version: 1 } }\n\
                recording:\n  - { purpose: service-quality, basis: consent, necessity: Tone., retention: 30 days }\n\
                handover: { to: desk }\nstart: a\nstates:\n  a:\n    - say: hello\n    - end: bye\n";
    fs::write(&dialog, text).unwrap();
    let loaded = library::load(&dialog, temporary.path(), None);
    (temporary, loaded)
}

#[test]
fn a_disclosure_that_leaves_out_the_term_is_refused() {
    let (_folder, loaded) = with_engine_text(|text| {
        let begin = text.find("disclosure-consent =").unwrap();
        let end = begin + text[begin..].find("disclosure-contract =").unwrap();
        format!("{}disclosure-consent = We nemen op om {{ $purpose }}. Zie {{ $notice }}.\n{}", &text[..begin], &text[end..])
    });
    let problems = loaded.unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problem.rule, problems.count()), ("disclosure-incomplete", 1), "{problems}");
    assert!(problem.help.contains("{ $days }"), "{problems}");
}

#[test]
fn a_dialog_cannot_replace_what_the_engine_says() {
    let (folder, loaded) = with_engine_text(|text| text);
    loaded.unwrap();
    fs::write(folder.path().join("nl/small.ftl"), "bye = Dag.\nhello = Hallo.\ndisclosure-automated = Hoi.\n").unwrap();
    let problems = library::load(&folder.path().join("small.yaml"), folder.path(), None).unwrap_err();
    assert!(problems.to_string().contains("`disclosure-automated` stands in"), "{problems}");
    assert!(problems.to_string().contains("small.ftl:3:1"), "{problems}");
}

#[test]
fn an_engine_text_that_is_missing_is_named() {
    let (_folder, loaded) =
        with_engine_text(|text| text.replace("handover-nobody =", "handover-somebody =").replace("stop opname |", ""));
    let problems = loaded.unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problem.rule, problems.count()), ("missing-prompt", 1), "{problems}");
    assert!(problem.message.contains("`handover-nobody`"), "{problems}");
}

#[test]
fn an_opening_that_takes_too_long_is_refused_with_its_seconds() {
    let (_folder, loaded) = with_engine_text(|text| text);
    let loaded = loaded.unwrap();
    let silent = Phonemes::default();
    loaded.check_spoken(&silent, |_, _| Some(Duration::from_secs(12))).unwrap();
    let measured = |id: &str| (id == "consent-question").then_some(Duration::from_millis(12_340));
    let problems = loaded.check_spoken(&silent, |_, line| measured(&line.id)).unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problem.rule, problems.count()), ("disclosure-too-long", 1));
    assert!(problem.message.contains("12.3 s in nl"), "{problems}");
    assert!(problem.place.file.ends_with("nl/candor.ftl"), "{problems}");
}

#[test]
fn the_version_changes_with_every_part_of_a_dialog() {
    let (folder, loaded) = with_engine_text(|text| text);
    let again = || library::load(&folder.path().join("small.yaml"), folder.path(), None).unwrap();
    let mut versions = BTreeSet::from([loaded.unwrap().dialog.version]);
    assert!(versions.contains(&again().dialog.version), "the same files give the same version");
    assert!(versions.iter().all(|version| version.len() == 64 && version.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))));
    let append = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, fs::read_to_string(&path).unwrap() + text).unwrap();
    };
    append("small.yaml", "# later\n");
    assert!(versions.insert(again().dialog.version));
    append("nl/small.ftl", "# later\n");
    assert!(versions.insert(again().dialog.version));
    append("nl/candor.ftl", "# later\n");
    assert!(versions.insert(again().dialog.version));
    fs::copy(self::folder().join("prompts/nl/fixed.wav"), folder.path().join("nl/hello.wav")).unwrap();
    let recorded = again();
    assert!(versions.insert(recorded.dialog.version.clone()));
    let key = ("nl".to_owned(), "hello".to_owned());
    assert_eq!(recorded.recorded.into_iter().collect::<Vec<_>>(), [(key, folder.path().join("nl/hello.wav"))]);
    fs::rename(folder.path().join("nl/hello.wav"), folder.path().join("nl/bye.wav")).unwrap();
    assert!(versions.insert(again().dialog.version), "the same recording for another prompt");
}

#[test]
fn a_recording_that_is_no_sound_is_refused() {
    let (folder, loaded) = with_engine_text(|text| text);
    loaded.unwrap();
    fs::write(folder.path().join("nl/hello.wav"), "not a sound").unwrap();
    let problems = library::load(&folder.path().join("small.yaml"), folder.path(), None).unwrap_err();
    assert!(problems.to_string().contains("hello.wav cannot be read: it is no WAV file"), "{problems}");
}

fn command(paths: &[&Path]) -> (Outcome, String, String) {
    let arguments = Arguments { paths: paths.iter().map(|path| path.to_path_buf()).collect(), ..Arguments::default() };
    let (dialogs, prompts, targets) = (root().join("dialogs"), folder().join("prompts"), targets());
    let prompts = if paths.is_empty() { root().join("prompts") } else { prompts };
    let configured =
        Configured { dialogs: &dialogs, prompts: &prompts, targets: Some(&targets), lookups: None, keepers: &[], voice: None };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let outcome = candor::cli::check::check(&arguments, configured, false, &mut out, &mut err).unwrap();
    (outcome, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn the_command_says_whether_it_holds() {
    let (outcome, out, _) = command(&[]);
    assert_eq!(outcome, Outcome::Holds, "{out}");
    assert!(out.contains("webshop.yaml holds: 12 states, in nl and en, records for 1 purpose, version "), "{out}");

    let (outcome, out, _) = command(&[&folder().join("unused-prompt.keeps.yaml"), &folder().join("key-collision.yaml")]);
    assert_eq!(outcome, Outcome::DoesNotHold, "{out}");
    assert!(out.contains("2 dialogs checked, 3 problems in 1 of them"), "{out}");

    let (outcome, out, err) = command(&[&folder().join("nothing-here.yaml")]);
    assert_eq!(outcome, Outcome::CalledWrongly, "{out}");
    assert!(err.contains("there is no file or folder"), "{err}");
}

/// The checks without a disk: whatever is written, they answer.
fn check_text(dialog: &str, texts: &str) -> usize {
    let parsed = match file::read(dialog) {
        Ok(parsed) => parsed,
        Err(error) => return usize::from(!unreadable("dialog.yaml", &error).message.is_empty()),
    };
    let own = Source { name: "webshop.ftl".into(), text: texts.to_owned() };
    let texts = Texts::read(vec![("nl".into(), vec![built_in("nl").unwrap(), own.clone()]), ("en".into(), vec![own])]).ok();
    let input = CheckInput {
        file_name: "dialog.yaml",
        dialog: &parsed,
        prompts_folder: "prompts",
        texts: texts.as_ref(),
        configured: check::Configured { targets: Some(&[]), lookups: Some(&[]), keepers: &[] },
        documents: Some(&|_| false),
        recorded: &[RecordedPrompt { language: "nl".into(), id: "how-can-i-help".into(), ..RecordedPrompt::default() }],
    };
    let spoken = Spoken { durations: &|_| Some(Duration::from_secs(13)), sounds: &|_, _| None };
    check::check(&input).len() + check_spoken(&input, &spoken).len()
}

/// Cuts, doubles or replaces a few pieces of a text.
fn mutated(text: &'static str) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        Just("handover".into()),
        Just("*x".into()),
        Just("- on-consent: { purpose: service-quality, given: hours, otherwise: goodbye }".into()),
        Just("\u{1f642}é".into()),
        "[ -~\n\t]{0,12}"
    ];
    let change = (0..text.len(), 0_usize..40, piece);
    prop::collection::vec(change, 1..5).prop_map(move |changes| {
        let mut bytes = text.as_bytes().to_vec();
        for (at, length, piece) in changes {
            let at = at.min(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, piece.into_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_dialog_makes_the_check_fall_over(dialog in mutated(include_str!("../../dialogs/webshop.yaml"))) {
        prop_assert!(check_text(&dialog, include_str!("../../prompts/nl/webshop.ftl")) > 0);
    }

    #[test]
    fn no_text_makes_the_check_fall_over(texts in mutated(include_str!("../../prompts/nl/webshop.ftl"))) {
        prop_assert!(check_text(include_str!("../../dialogs/webshop.yaml"), &texts) > 0);
    }

    #[test]
    fn no_file_makes_the_report_fall_over(dialog in mutated(include_str!("../../dialogs/webshop.yaml")), any in "\\PC{0,200}") {
        let folder = tempfile::tempdir().unwrap();
        for text in [dialog, any] {
            let path = folder.path().join("dialog.yaml");
            fs::write(&path, text).unwrap();
            if let Err(problems) = library::load(&path, &root().join("prompts"), None) {
                prop_assert!(!problems.render(false).is_empty());
                prop_assert!(problems.to_string().contains("dialog.yaml"));
            }
        }
    }
}
